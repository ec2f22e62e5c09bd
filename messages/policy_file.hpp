#pragma once

#include "messages/skerry/v1/policy.pb.h"
#include "scheduling/placement_policy.hpp"
#include "scheduling/queue_scorer.hpp"
#include "scheduling/result.hpp"

#include <string>
#include <string_view>

namespace skerry {

// A policy in a file: Protobuf in its text form, so that it can be read and
// compared line by line. A checksum over the binary form tells damage, a hash
// of the features tells weights of another version.

/// The policy that is shipped with the product, evolved and built in.
inline constexpr std::string_view shipped_policy_name = "skerry";

/// Weights as a policy without provenance, sealed.
v1::Policy to_proto(const std::string& name, const placement_weights& weights);
v1::Policy to_proto(const std::string& name, const queue_weights& weights);

/// @returns `malformed`: a wrong checksum, other features, an unknown class or
///          feature, or weights that are none; `not_found` for a policy that
///          does not place tasks.
result<placement_weights> weights_from(const v1::Policy& policy);
/// The same for its order of queues.
result<queue_weights> queue_weights_from(const v1::Policy& policy);

/// Sets the checksum. Last, after every other field.
void seal(v1::Policy& policy);

/// The text that `read_policy` reads.
/// @pre `policy` is sealed.
std::string policy_text(const v1::Policy& policy);

/// @param origin For the errors, for example a path.
/// @returns `malformed` with line and column, and what `weights_from` and
///          `queue_weights_from` return for what it holds.
result<v1::Policy> read_policy(std::string_view text, std::string_view origin);

/// @returns `not_found` or `io_failed` with the path, and what `read_policy`
///          returns.
result<v1::Policy> read_policy_file(const std::string& path);

/// What is built in as `skerry`.
const v1::Policy& shipped_policy();

/// What stands behind --policy: `skerry`, the name of a heuristic, or a file of
/// weights, told by its path's slash or dot. With "+policy:FILE" after it, the
/// policy network of these weights chooses among the best 64 that an evolved
/// one finds; with "+value:WEIGHT:FILE" the value of what a placement leaves
/// counts so much beside the score.
/// @returns `invalid_argument` with the known names, and what
///          `read_policy_file` returns.
result<policy_choice> find_policy(std::string_view name_or_file);
/// What orders queues: `skerry` or a file.
/// @returns What `read_policy_file` and `queue_weights_from` return.
result<queue_weights> find_queue_policy(std::string_view name_or_file);

} // namespace skerry
