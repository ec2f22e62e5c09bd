#pragma once

#include "scheduling/placement_index.hpp"
#include "scheduling/scorer.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace skerry {

struct placement {
  node_index node;
  device_mask devices;
  score_t score;
};

/// Chooses a node and devices for a shape. Proposes only: the ledger decides.
class placement_policy {
public:
  virtual ~placement_policy() = default;

  virtual std::string_view name() const = 0;

  /// The best placement now, or nothing when the shape fits nowhere.
  virtual std::optional<placement> choose(shape_id shape) = 0;

  /// Bytes of cached scores.
  virtual std::size_t cache_bytes() const = 0;
};

/// How a policy finds the best score. Both give the same placements: the scan
/// is the naive way that tests and benchmarks hold the index against.
enum class placement_search : std::uint8_t { index, scan };

/// What some policies need beside the cluster.
struct policy_context {
  /// A record of tasks like those that will come: what `fgd` leaves room for.
  std::span<const task_shape> workload = {};
  std::uint64_t seed = 0; ///< Of `random`.
  placement_search search = placement_search::index;
};

/// The policies `make_policy` knows, in the order of tables.
std::span<const std::string_view> placement_policy_names();

/// @param on Outlives the policy.
/// @returns `invalid_argument`, listing the known names.
result<std::unique_ptr<placement_policy>>
make_policy(std::string_view name, const cluster& on,
            const policy_context& context);

/// A policy that follows a scorer.
std::unique_ptr<placement_policy>
make_policy(std::unique_ptr<scorer> by, const cluster& on,
            placement_search search = placement_search::index);

} // namespace skerry
