#pragma once

#include "scheduling/ledger.hpp"
#include "scheduling/placement_policy.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/experience_tap.hpp"
#include "simulation/queueing_meter.hpp"
#include "simulation/stopwatch.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {

/// A kind of task in a workload.
struct queueing_profile {
  task_profile profile;
  std::uint32_t task_class = 0; ///< Statistics are kept by class.
};

struct queueing_arrival {
  std::int64_t time_milliseconds = 0;
  std::int64_t run_milliseconds = 0; ///< At least 1.
  std::uint32_t profile = 0;         ///< Position in `profiles`.

  friend bool operator==(const queueing_arrival&, const queueing_arrival&)
      = default;
};

/// Nodes, and the tasks that come to them, the same for every policy.
struct queueing_workload {
  /// Among equal scores the first wins.
  std::vector<node_spec> nodes;
  std::vector<queueing_profile> profiles;
  std::vector<queueing_arrival> arrivals; ///< In order of time.
  /// A record of tasks like these, for policies that want one.
  std::vector<task_shape> history;
  std::size_t classes = 1;
  std::int64_t measured_from_milliseconds = 0;
  std::int64_t end_milliseconds = 0; ///< Nothing is simulated from here on.
};

/// Generators of workloads refuse to make more: a hundred times what openb's
/// whole cluster sees in half a day, and about a gigabyte.
inline constexpr std::int64_t max_arrivals = 10'000'000;

/// Sum over the nodes.
metered_amounts metered_of(std::span<const node_spec> nodes);

/// What became of a task by the end.
struct task_outcome {
  std::int64_t start_milliseconds = -1; ///< -1: refused or still pending.
  node_index node = no_node;            ///< Position in the workload's nodes.
  device_mask devices = 0;

  friend bool operator==(const task_outcome&, const task_outcome&) = default;
};

struct queueing_report {
  std::vector<queueing_statistics> classes;
  queueing_statistics all;
  metered_amounts capacity{};
  std::vector<task_outcome> outcomes; ///< By arrival.
  timing decision_times; ///< Of asking the policy and carrying out its answer.
};

/// A simulated cluster with a queue: tasks come, run for a known time where a
/// policy puts them, and leave. Everything goes through the ledger.
///
///     arrival:   if no task of its shape waits and the policy finds a place,
///                it starts; else it waits.
///     departure: waiting tasks are tried in order of arrival; those that do
///                not fit are skipped.
///
/// There is no preemption, and departures come before arrivals of the same
/// millisecond. A shape that waits fits nowhere, and what changes between
/// departures is only that less is free; so after a departure only shapes that
/// fit the node it left are tried. The policy may put them anywhere.
///
/// @cost A departure O(waiting shapes), each start a decision of the policy.
class queueing_cluster {
public:
  /// @param tap Told what is decided; none if nobody records.
  /// @pre `workload` outlives the cluster.
  explicit queueing_cluster(const queueing_workload& workload,
                            clock_ns now = {}, experience_tap* tap = nullptr);
  queueing_cluster(const queueing_cluster&) = delete;
  queueing_cluster& operator=(const queueing_cluster&) = delete;

  /// Registers nodes and profiles; once, before all else.
  /// @param seed Of policies that draw.
  /// @returns `invalid_argument` for an unknown policy, a shape with affinity
  ///          or spread (a start could make room for another, see above),
  ///          arrivals out of order, without a run time or of no profile; and
  ///          what the ledger says about nodes and profiles.
  result<> prepare(const policy_choice& policy, std::uint64_t seed,
                   placement_search search);

  /// Another policy decides from now on.
  /// @param history What it is told of the workload.
  /// @returns `invalid_argument` for one that cannot be made; nothing changes.
  result<> change_policy(const policy_choice& policy,
                         std::span<const task_shape> history,
                         std::uint64_t seed);

  /// The next arrival or departure.
  /// @returns False when there is none before the end.
  bool step();

  const ledger& book() const { return ledger_; }
  std::int64_t now_milliseconds() const { return now_; }
  /// By arrival; of those that have not come or started, none yet.
  std::span<const task_outcome> outcomes() const { return outcomes_; }
  std::size_t waiting() const { return ledger_.count(task_state::pending); }

  /// @pre `step` has returned false.
  queueing_report report();

private:
  result<> check() const;
  void arrive(std::uint32_t task);
  void depart(std::uint32_t task);
  void retry_on(node_index node);
  bool try_start(std::uint32_t task);
  const compiled_shape& shape(shape_id id) const {
    return ledger_.nodes().shape(id);
  }

  const queueing_workload& workload_;
  ledger ledger_;
  std::unique_ptr<placement_policy> policy_;
  queueing_meter meter_;
  stopwatch watch_;
  experience_tap* tap_;
  event_queue<std::uint32_t> departures_; ///< By task: its arrival's position.
  std::int64_t now_ = 0;
  std::uint32_t next_arrival_ = 0;
  std::vector<profile_id> profiles_;     ///< By profile of the workload, as
  std::vector<metered_amounts> amounts_; ///< these.
  std::vector<task_ref> tasks_;
  std::vector<task_outcome> outcomes_;
  std::vector<std::deque<std::uint32_t>> waiting_; ///< By shape.
  std::vector<shape_id> waiting_shapes_;
  std::vector<shape_id> fitting_; ///< Scratch of `retry_on`.
};

/// All of it at once.
/// @returns What `prepare` returns.
result<queueing_report> run_queueing_cluster(const queueing_workload& workload,
                                             const policy_choice& policy,
                                             std::uint64_t seed,
                                             placement_search search,
                                             clock_ns now,
                                             experience_tap* tap = nullptr);

/// The outcomes as CSV with the header
/// `arrival,arrival_ms,start_ms,node,devices`; start, node and devices are
/// empty for a task that never started.
std::string outcomes_csv(const queueing_workload& workload,
                         const queueing_report& report);

} // namespace skerry
