#pragma once

#include "scheduling/resources.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// What people write about nodes and tasks: names and amounts, validated once
/// at the edge. The cluster and the ledger keep compiled forms of these.

// -- limits -------------------------------------------------------------------

/// Fits a file name and a DNS label pair; ids are repeated in every record.
inline constexpr std::size_t max_id_length = 128;
/// A device mask is one 64-bit word.
inline constexpr std::size_t max_devices_per_node = 64;
/// Requests are for different kinds (gpu, fpga, ...); no task needs more.
inline constexpr std::size_t max_device_requests = 4;
/// 100 000 cores: squares of it, which scorers take, stay far inside int64.
inline constexpr std::int64_t max_cpu_millicores = 100'000'000;
/// 10^17 of anything else, 100 PB for example: fifty times it stays in int64.
inline constexpr std::int64_t max_amount = 100'000'000'000'000'000;
inline constexpr std::int32_t max_device_capacity_milli = 100'000;
/// No labels, groups or constraints of one task or node beyond this.
inline constexpr std::size_t max_terms = 32;

/// Accepts 1 to `max_id_length` of letters, digits, `-`, `_` and `.`, starting
/// with a letter or digit, without `..`: ids become file and cgroup names.
/// @param what Names the field in the error, for example "task id".
/// @returns `invalid_argument` with the field and what is wrong.
result<> validate_id(std::string_view id, std::string_view what);

// -- nodes --------------------------------------------------------------------

/// A resource beside the built-in four, for example {"licences", 2000}.
struct named_amount {
  std::string name;
  std::int64_t amount_milli = 0;

  friend bool operator==(const named_amount&, const named_amount&) = default;
};

struct device_spec {
  std::string kind = "gpu"; ///< "gpu", "fpga", or any other id.
  std::string model = {};   ///< An id, for example "A100"; may be empty.
  std::int32_t capacity_milli = 1000; ///< What sharing tasks divide.
  std::int64_t memory_bytes = 0;

  friend bool operator==(const device_spec&, const device_spec&) = default;
};

struct label {
  std::string key;
  std::string value;

  friend auto operator<=>(const label&, const label&) = default;
};

struct node_spec {
  std::string name;
  resources capacity = {}; ///< Built-in kinds only; others go into `named`.
  std::vector<named_amount> named = {};
  std::vector<device_spec> devices = {};
  std::vector<label> labels = {};
  std::uint32_t max_tasks = 0; ///< 0 for no limit.
};

/// @returns `invalid_argument` naming the first field at fault.
result<> validate(const node_spec& node);

// -- tasks --------------------------------------------------------------------

/// Devices of one kind: either a share of one device or several whole ones.
struct device_request {
  std::string kind = "gpu";
  std::int32_t count = 1;        ///< Whole devices; 1 for a share.
  std::int32_t share_milli = 0;  ///< Of one device's capacity; 0 means whole.
  std::int64_t memory_bytes = 0; ///< On each device.
  std::vector<std::string> models = {}; ///< Any of these; empty for any.

  friend bool operator==(const device_request&, const device_request&)
      = default;
};

enum class label_operator : std::uint8_t { in, not_in, exists, not_exists };

struct label_constraint {
  std::string key;
  label_operator test = label_operator::in;
  std::vector<std::string> values = {}; ///< For `in` and `not_in`.

  friend bool operator==(const label_constraint&, const label_constraint&)
      = default;
};

/// Keeps the counts of a group's tasks in any two domains within `max_skew`.
struct spread_constraint {
  std::string group;
  std::string topology; ///< Label key whose values are domains; empty: nodes.
  std::uint32_t max_skew = 1;

  friend bool operator==(const spread_constraint&, const spread_constraint&)
      = default;
};

/// All that decides where a task may run. Tasks of equal shape are placed by
/// the same cached scores.
struct task_shape {
  resources demand = {}; ///< Built-in kinds only; others go into `named`.
  std::vector<named_amount> named = {};
  std::vector<device_request> devices = {};
  std::vector<label_constraint> constraints = {};
  std::vector<std::string> groups = {};   ///< That the task belongs to.
  std::vector<std::string> affinity = {}; ///< Groups the node must run.
  /// Groups it must not run beside. Does not keep later tasks of these groups
  /// away: those say so themselves.
  std::vector<std::string> anti_affinity = {};
  std::optional<spread_constraint> spread = {};

  friend bool operator==(const task_shape&, const task_shape&) = default;
};

/// @returns `invalid_argument` naming the first field at fault.
result<> validate(const task_shape& shape);

/// Quantiles of how long a task is expected to run.
struct duration_estimate {
  std::int64_t p10_milliseconds = 0;
  std::int64_t p50_milliseconds = 0;
  std::int64_t p90_milliseconds = 0;

  friend bool operator==(const duration_estimate&, const duration_estimate&)
      = default;
};

/// What all tasks of a job have in common.
struct task_profile {
  task_shape shape;
  /// Bounds for resizing; both empty for a task of fixed size.
  std::optional<resources> minimum = {};
  std::optional<resources> maximum = {};
  std::int16_t priority = 0; ///< Higher goes first.
  std::string tenant = "default";
  std::optional<duration_estimate> expected_duration = {};
  std::uint32_t max_attempts = 1; ///< A lost or failed task starts again.

  friend bool operator==(const task_profile&, const task_profile&) = default;
};

/// @returns `invalid_argument` naming the first field at fault.
result<> validate(const task_profile& profile);

} // namespace skerry
