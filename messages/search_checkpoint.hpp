#pragma once

#include "evolution/archipelago.hpp"
#include "messages/skerry/v1/evolution.pb.h"
#include "scheduling/result.hpp"

#include <string>
#include <string_view>

namespace skerry {

// Searches as bytes, for going on later or elsewhere.

v1::Migrant to_proto(const migrant& from);
/// As it was sent: length, bounds and all are for `island::accept` to check.
migrant migrant_from(const v1::Migrant& from);

v1::IslandState to_proto(const island_state& from);
/// @returns `malformed` when it is of no known optimiser. The rest is for
///          `island::restore` to check, which knows the space.
result<island_state> island_state_from(const v1::IslandState& from);

/// With its checksum.
std::string sealed_bytes(v1::SearchCheckpoint checkpoint);
/// @param search As in the checkpoint.
/// @param origin For the errors, for example a path.
/// @returns `malformed` for damage, `conflict` when it is of another search.
result<v1::SearchCheckpoint> open_sealed(std::string_view bytes,
                                         const std::string& search,
                                         std::string_view origin);

/// @param search What is searched, and how; names whatever the state would not
///               fit if it were different.
/// @returns Sealed by a checksum.
std::string checkpoint_bytes(const std::string& search,
                             const archipelago_state& state);

/// @returns What `open_sealed` returns.
result<archipelago_state> read_checkpoint(std::string_view bytes,
                                          const std::string& search,
                                          std::string_view origin);

} // namespace skerry
