#pragma once

#include "scheduling/placement_policy.hpp"
#include "scheduling/simple_scorers.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace skerry {

/// Who decides in a cell.
struct policy_ruling {
  policy_choice active;
  std::optional<policy_choice> canary = {};
  double canary_share = 0; ///< Of decisions, 0 to 1, evenly spread.
};

/// A policy that has proposed what cannot be.
struct policy_fault {
  std::string policy;
  std::string reason;
};

/// Makes a policy, as `make_policy` does.
using choice_maker = std::function<result<std::unique_ptr<placement_policy>>(
    const policy_choice&, const cluster&, const policy_context&)>;

/// The policies of a cell: who rules, perhaps a canary, and a heuristic behind
/// both. A proposal that does not fit is never handed on: its policy is out at
/// once, without anybody's word, and the heuristic decides.
class cell_policies {
public:
  struct choice {
    placement place;
    std::string_view by; ///< Valid until the next change.
  };

  /// @param on    Outlives this.
  /// @param maker Of policies that `make_policy` does not know.
  /// @returns What `make_policy` returns.
  static result<std::unique_ptr<cell_policies>>
  make(policy_ruling ruling, const cluster& on, std::uint64_t seed,
       std::span<const task_shape> workload = {}, choice_maker maker = {});

  /// Other policies for the next decision; those that stay keep their caches.
  /// @returns What `make_policy` returns, with nothing changed.
  result<> rule(policy_ruling ruling, std::span<const task_shape> workload);
  /// Tells policies that want it what comes; their caches are void then.
  void learn(std::span<const task_shape> workload);

  /// The place for a shape, or nothing when it fits nowhere now.
  /// @param counts Whether it is a decision, of which the canary has its share.
  std::optional<choice> choose(shape_id shape, bool counts);

  /// Of a node on which the shape fits now, by best-fit-all: the same for all
  /// cells, whoever rules them.
  score_t fit(shape_id shape, node_index node);

  const policy_ruling& ruling() const { return ruling_; }
  bool wants_workload() const;
  /// Of the active policy.
  std::string_view name() const { return active_->name(); }
  /// Since the last call.
  std::optional<policy_fault> take_fault();

private:
  using policy_ptr = std::unique_ptr<placement_policy>;

  cell_policies(const cluster& on, std::uint64_t seed, choice_maker maker)
      : on_{&on}, seed_{seed}, maker_{std::move(maker)},
        ruling_{.active = policy_choice{"best-fit-all"}} {}

  result<policy_ptr> made(const policy_choice& which,
                          std::span<const task_shape> workload) const;
  std::optional<choice> instead(shape_id shape, bool by_canary,
                                std::string reason);

  const cluster* on_;
  std::uint64_t seed_;
  choice_maker maker_; ///< None: `make_policy`.
  policy_ruling ruling_;
  policy_ptr active_;
  policy_ptr canary_; ///< None without one.
  best_fit_all common_;
  double canary_due_ = 0;
  std::optional<policy_fault> fault_;
};

/// Why a placement cannot be; empty when it can.
std::string fault_of(const placement& proposed, const compiled_shape& shape,
                     const cluster& on);

} // namespace skerry
