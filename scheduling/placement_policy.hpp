#pragma once

#include "scheduling/placement_index.hpp"
#include "scheduling/scorer.hpp"
#include "scheduling/weighted_scorer.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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

/// Makes a policy of a kind that this room does not know.
/// @param on Outlives the policy.
using policy_maker = std::function<std::unique_ptr<placement_policy>(
    const cluster& on, const policy_context& context)>;

/// Which policy: one of `placement_policy_names`, or one that was evolved.
struct policy_choice {
  std::string name;
  /// Of an evolved one; its name is then any.
  std::shared_ptr<const placement_weights> weights = {};
  /// Of another kind, for example one that asks a network; its name is any.
  std::shared_ptr<const policy_maker> maker = {};

  /// One of those that have a name.
  template <std::convertible_to<std::string_view> Text>
  policy_choice(const Text& known) : name{std::string_view{known}} {}
  policy_choice(std::string any, const placement_weights& evolved)
      : name{std::move(any)}, weights{std::make_shared<const placement_weights>(
                                  evolved)} {}
  policy_choice(std::string any, policy_maker made_by)
      : name{std::move(any)}, maker{std::make_shared<const policy_maker>(
                                  std::move(made_by))} {}
};

/// The policies `make_policy` knows by name, in the order of tables.
std::span<const std::string_view> placement_policy_names();

/// Tells choices apart, over processes and starts: a hash of the name and, for
/// an evolved one, of its weights.
std::uint64_t version_of(const policy_choice& which);

/// Whether a record of the workload makes a difference to the policy.
bool wants_workload(const policy_choice& which);

/// @param on Outlives the policy.
/// @returns `invalid_argument`: an unknown name, with the known ones, or
/// weights
///          that are none.
result<std::unique_ptr<placement_policy>>
make_policy(const policy_choice& which, const cluster& on,
            const policy_context& context);

/// A policy that follows a scorer.
std::unique_ptr<placement_policy>
make_policy(std::unique_ptr<scorer> by, const cluster& on,
            placement_search search = placement_search::index);

} // namespace skerry
