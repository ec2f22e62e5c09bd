#pragma once

#include "messages/skerry/mesh/v1/records.pb.h"
#include "scheduling/result.hpp"

#include <fmt/core.h>

#include <string_view>

namespace skerry {

// What stands before the name in a record's key; see records.proto.
inline constexpr std::string_view job_prefix = "job/";
inline constexpr std::string_view task_prefix = "task/";
inline constexpr std::string_view allocation_prefix = "allocation/";
inline constexpr std::string_view node_prefix = "node/";
inline constexpr std::string_view moved_prefix = "moved/";
inline constexpr std::string_view peer_prefix = "peer/";
inline constexpr std::string_view server_prefix = "server/";
inline constexpr std::string_view forgotten_prefix = "forgotten/";

/// @returns `malformed` naming the key.
template <class Record>
result<Record> read_record(std::string_view key, std::string_view value) {
  Record record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())))
    return error{
        error_code::malformed,
        fmt::format("record {} cannot be read; the state is damaged", key)};
  return record;
}

} // namespace skerry
