#pragma once

#include "scheduling/cluster.hpp"
#include "scheduling/commands.hpp"
#include "scheduling/events.hpp"
#include "scheduling/plan.hpp"
#include "scheduling/profile_table.hpp"
#include "scheduling/task_table.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skerry {

/// How much a ledger holds before it answers `limit_exceeded`.
struct ledger_limits {
  /// Live tasks. 16 million are 1 GB of hot state and far beyond what one cell
  /// runs.
  std::uint32_t tasks = 1U << 24;
  /// Node names ever seen: their last sessions are never forgotten, since a
  /// message from the past can come at any time.
  std::uint32_t node_names = 1U << 20;
};

/// What became of a task that failed, was lost or was evicted.
struct task_return {
  bool requeued = false;     ///< Pending again; else it is gone.
  std::uint32_t attempt = 0; ///< The new one, if requeued.
  std::uint32_t failures = 0;
};

/// The authority on nodes, tasks and who runs where, and their only writer.
///
/// A pure state machine: it has no clock, no generator, no I/O, and equal
/// commands give equal events. A value: a copy is a ledger to try things on.
///
/// A task is pending, placed, running and then gone. What fails or is lost
/// returns to pending as the next attempt, at most `max_attempts` times in all;
/// eviction and moves begin a new attempt too, for the machine must tell their
/// orders apart, but do not count as failures: the task did nothing wrong.
/// So each (task, attempt) starts at most once.
///
/// Invariants: those of `cluster`; on every node and device, free + held by
/// tasks = capacity; an id belongs to at most one live task; the tasks of a
/// gang leave pending together. `check_invariants` recomputes them.
///
/// Amounts are intent: they are free here when the order to stop is given. Who
/// carries out orders must not start a task before those it replaces have
/// stopped.
///
/// A method or command that fails has changed nothing but caches.
///
/// Threads: none; one writer, and readers only between its writes.
class ledger {
public:
  /// @param epoch Of this reign; plans of another are refused.
  explicit ledger(std::uint64_t epoch, ledger_limits limits = {});

  /// Carries out `what` and appends what happened, in order.
  /// @returns What the method of the same name returns; `not_found` for a name
  ///          or id that is unknown. Events are appended only on success.
  result<> apply(const command& what, std::vector<event>& events);

  // -- reading ----------------------------------------------------------------

  std::uint64_t epoch() const { return epoch_; }
  /// What plans and scorers look at.
  const cluster& nodes() const { return nodes_; }
  std::size_t size() const { return tasks_.size(); } ///< Live tasks.
  std::size_t count(task_state state) const {
    return counts_[static_cast<std::size_t>(state)];
  }
  std::optional<task_ref> find(std::string_view id) const;
  std::optional<task_view> task(task_ref ref) const;
  /// Id of a live task, or of one that has left, until the next submission.
  std::optional<std::string_view> id(task_ref ref) const {
    return tasks_.id(ref);
  }
  /// @pre A reference to `id` is held.
  const compiled_profile& profile(profile_id id) const { return profiles_[id]; }
  /// Session of a live node.
  std::uint64_t session(node_index node) const {
    return on_nodes_[index_of(node)].session;
  }
  /// Calls `f(task_ref)` for each task on the node, the last placed first.
  /// @pre `f` does not change the ledger.
  template <class F>
  void for_each_task_on(node_index node, F&& f) const;
  /// Calls `f(task_ref)` for each live task, by slot.
  template <class F>
  void for_each_task(F&& f) const;

  // -- nodes ------------------------------------------------------------------

  /// Adds a node, or renews a live one: its tasks and condition stay.
  /// @returns `stale_epoch` for a session not above the last of this name,
  ///          `limit_exceeded`, and what `cluster::add_node` or `update_node`
  ///          return: a node that came back smaller than its tasks is to be
  ///          lost first.
  result<node_registered> register_node(const node_spec& spec,
                                        std::uint64_t session);
  result<node_updated> update_node(const node_spec& spec);
  /// @returns `invalid_argument` for `gone`, `not_found`.
  result<> set_condition(node_index node, node_condition condition);
  /// Its tasks are lost, which counts as a failure of each: a task that brings
  /// its nodes down must not go on for ever.
  /// @returns `not_found`.
  result<> lose_node(node_index node, std::vector<event>& events);

  // -- tasks ------------------------------------------------------------------

  /// Handle of the profile; takes a reference that `release` gives back.
  result<profile_id> intern(const task_profile& profile) {
    return profiles_.intern(nodes_, profile);
  }
  void release(profile_id id) { profiles_.release(nodes_, id); }

  /// Adds a pending task.
  /// @returns `invalid_argument` for the id, `already_exists` while a task of
  ///          this id lives, `not_found` for the profile, `limit_exceeded`,
  ///          `infeasible` when there are nodes and none would fit it if it
  ///          were empty: then the message says why. Without any node it is
  ///          accepted, for nodes may come.
  /// @cost    O(1) and O(node classes) until the first that fits.
  result<task_ref> submit(std::string_view id, profile_id profile);

  /// Gives a pending task its node and devices.
  /// @returns `not_found` for task or node, `conflict` when it is not pending
  ///          or of a gang, and what `cluster::take` returns.
  result<> place(task_ref ref, node_index node, device_mask devices);

  // The next three accept a report; without a stamp it is taken as current.
  // They return `not_found`, `conflict` for the wrong state or attempt, and
  // `stale_epoch` for a session that has ended.

  /// Placed becomes running.
  result<> start(task_ref ref, const std::optional<report_stamp>& stamp = {});
  /// Placed or running becomes gone: the report of the start may be lost.
  result<> finish(task_ref ref, const std::optional<report_stamp>& stamp = {});
  /// Placed or running becomes pending again, or gone without attempts left.
  result<task_return> fail(task_ref ref,
                           const std::optional<report_stamp>& stamp = {});

  /// Sends a placed or running task back to pending. Not a failure.
  /// @returns `not_found`, `conflict` when it is pending.
  result<task_return> evict(task_ref ref);
  /// Ends a task in any state.
  /// @returns `not_found`.
  result<> cancel(task_ref ref);

  /// Gives a placed or running task another demand where it is. The size stays
  /// with it when it is pending again.
  /// @returns `not_found`, `conflict` when it is pending, `invalid_argument`
  ///          outside of the profile's bounds, `insufficient`.
  result<> resize(task_ref ref, const resources& demand);
  /// Gives a placed or running task another node, or other devices where it is:
  /// placed, as its next attempt. Not a failure.
  /// @returns `not_found` for task or node, `conflict` when it is pending,
  ///          `invalid_argument` when it has that node and devices already, and
  ///          what `cluster::take` returns.
  result<> move(task_ref ref, node_index node, device_mask devices);

  // -- plans ------------------------------------------------------------------

  /// Carries out the items that still hold, and appends an event for each of
  /// the others. Refusals:
  ///  - `stale_snapshot`: its node or task changed after `plan.version`; what
  ///    items of the same plan change does not count. A gang that cannot be
  ///    placed and taken back counts as a change for later plans.
  ///  - `invalid_argument`: no such node; a second item for a task; a place for
  ///    some but not all pending tasks of a gang.
  ///  - what `place`, `move`, `resize` and `evict` return. A gang is placed
  ///    where its last item stands; if one is refused, all are.
  /// @returns `stale_epoch` for another epoch, `invalid_argument` for a version
  ///          that has not been, both without any effect.
  /// @cost    O(items), and O(nodes) for each task with a spread; allocates for
  ///          events, refusals, and plans longer than ever before.
  result<plan_outcome> commit(const plan& proposal, std::vector<event>& events);

  // -- checking ---------------------------------------------------------------

  /// Recomputes everything that is kept twice.
  /// @returns `conflict` with the first difference.
  /// @cost    O(nodes + tasks).
  result<> check_invariants() const;

  /// Bytes of task records, their index and lists; `nodes()` has its own.
  std::size_t hot_bytes() const;
  /// Bytes of task ids.
  std::size_t cold_bytes() const { return tasks_.cold_bytes(); }

private:
  /// What the ledger adds to a node.
  struct node_entry {
    std::uint64_t session = 0;
    std::uint32_t first_task = task_table::no_slot;
  };

  struct gang_record {
    std::uint32_t live = 0; ///< 0 is a free slot.
    std::uint32_t pending = 0;
    // Inside of a commit: its place items, linked through `plan_scratch_`.
    std::uint32_t first_item = task_table::no_slot;
    std::uint32_t last_item = task_table::no_slot;
    std::uint32_t items = 0;
    bool refused = false; ///< One was refused before.
  };

  struct item_scratch {
    std::uint32_t slot = task_table::no_slot; ///< `no_slot`: refused.
    std::uint32_t next_of_gang = task_table::no_slot;
    gang_id gang = no_gang;
  };

  class checker;

  result<> on(const struct register_node& what, std::vector<event>& events);
  result<> on(const struct update_node& what, std::vector<event>& events);
  result<> on(const set_node_condition& what, std::vector<event>& events);
  result<> on(const struct lose_node& what, std::vector<event>& events);
  result<> on(const submit_tasks& what, std::vector<event>& events);
  result<> on(const commit_plan& what, std::vector<event>& events);
  result<> on(const start_task& what, std::vector<event>& events);
  result<> on(const finish_task& what, std::vector<event>& events);
  result<> on(const fail_task& what, std::vector<event>& events);
  result<> on(const resize_task& what, std::vector<event>& events);
  result<> on(const move_task& what, std::vector<event>& events);
  result<> on(const evict_task& what, std::vector<event>& events);
  result<> on(const cancel_task& what, std::vector<event>& events);

  result<node_index> find_node(std::string_view name) const;
  result<std::uint32_t> find_task(std::string_view id) const;
  result<std::uint32_t> resolve(task_ref ref) const;
  result<> check_node(node_index node) const;
  result<> check_report(std::uint32_t slot,
                        const std::optional<report_stamp>& stamp) const;
  result<> check_on_node(std::uint32_t slot) const;
  result<> check_new(std::string_view id, profile_id profile) const;
  error named(std::uint32_t slot, error_code code, std::string_view why) const;

  std::uint32_t add_task(std::string_view id, profile_id profile, gang_id gang);
  result<> check_spread(std::uint32_t slot, node_index node) const;
  result<> place_slot(std::uint32_t slot, node_index node, device_mask devices);
  result<> resize_slot(std::uint32_t slot, const resources& demand);
  result<> move_slot(std::uint32_t slot, node_index node, device_mask devices);
  void release_node(std::uint32_t slot);
  task_return return_to_pending(std::uint32_t slot);
  task_return count_failure(std::uint32_t slot);
  void remove_task(std::uint32_t slot);
  void set_state(std::uint32_t slot, task_state state);
  void link(std::uint32_t slot, node_index node);
  void unlink(std::uint32_t slot);
  gang_id new_gang();
  void leave_gang(gang_id gang);

  result<std::uint32_t> check_item(const plan& proposal,
                                   std::uint32_t item) const;
  void enter_gang(std::uint32_t item, gang_id gang);
  result<> commit_item(const plan_item& item, std::uint32_t slot,
                       std::vector<event>& events);
  void commit_gang(const plan& proposal, gang_record& gang,
                   std::vector<event>& events);
  void refuse_gang(std::uint32_t first, std::uint32_t culprit, const error& why,
                   std::vector<event>& events);

  std::uint64_t epoch_;
  ledger_limits limits_;
  cluster nodes_;
  task_table tasks_;
  profile_table profiles_;
  std::vector<node_entry> on_nodes_; ///< By node index.
  std::vector<gang_record> gangs_;
  std::vector<std::uint32_t> unused_gangs_;
  std::array<std::size_t, task_states> counts_{};
  std::unordered_map<std::string, std::uint64_t> sessions_; ///< By node name.
  std::vector<item_scratch> plan_scratch_;
};

template <class F>
void ledger::for_each_task_on(node_index node, F&& f) const {
  for (auto slot = on_nodes_[index_of(node)].first_task;
       slot != task_table::no_slot; slot = tasks_[slot].next)
    f(tasks_.ref(slot));
}

template <class F>
void ledger::for_each_task(F&& f) const {
  for (std::uint32_t slot = 0; slot < tasks_.slots(); ++slot)
    if (tasks_[slot].state != task_state::gone)
      f(tasks_.ref(slot));
}

} // namespace skerry
