#pragma once

#include "actors/cell_recorder.hpp"
#include "actors/cell_resizer.hpp"
#include "actors/outbox.hpp"
#include "messages/skerry/mesh/v1/records.pb.h"
#include "scheduling/cell_policies.hpp"
#include "scheduling/ledger.hpp"
#include "scheduling/task_recorder.hpp"
#include "scheduling/workload_record.hpp"
#include "simulation/cell_objective.hpp"
#include "simulation/cell_record.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skerry {

struct allocator_options {
  std::string server;
  std::uint64_t epoch = 0;
  policy_choice policy{"best-fit-all"};
  std::uint64_t seed = 1; ///< Of the policy `random`.
  /// How long a node's tasks stay its own after its agent has fallen silent.
  /// Longer than a restart of a server, shorter than people wait.
  std::int64_t lease_milliseconds = 15'000;
  /// What the server waits beyond the lease: clocks' rates differ, and the
  /// agent needs a moment to end what it stops.
  std::int64_t lease_margin_milliseconds = 3'000;
  std::int64_t heartbeat_milliseconds = 1'000;
  /// A node whose agent has refused an order gets no new tasks for a while:
  /// what it knows and the ledger does not rarely passes at once. From the
  /// first to the last, doubling, until it has started one.
  std::int64_t first_pause_milliseconds = 250;
  std::int64_t last_pause_milliseconds = 30'000;
  /// An owner that has not answered a report is told again after this.
  std::int64_t resend_milliseconds = 1'000;
  /// Reports in one message: a few hundred kilobytes at most.
  std::size_t report_batch = 512;
  /// Reservations of one caller's request; a longer list is split by it.
  std::size_t max_tasks_per_request = 10'000;
  /// Tasks that have left and are remembered, so that a late award does not
  /// start them again: far more than are on their way at once.
  std::size_t max_gone = 65'536;
  /// Remember tasks also when the policy does not want them.
  bool record_workload = false;
  /// How decisions become experience; none: they do not.
  std::optional<experience_recorder_options> experience = {};
  cell_resizer_options resizing = {};
  /// No longer than this is a reservation held unconfirmed.
  std::int64_t max_hold_milliseconds = 3'600'000;
};

/// What has come to a cell of late.
struct cell_history {
  std::vector<node_spec> nodes;
  std::vector<task_recorder::entry> tasks; ///< The oldest first.
  std::int64_t unix_milliseconds = 0;      ///< When it was taken.
  double part = 1;          ///< Of the cell's nodes that `nodes` are.
  metered_amounts in_use{}; ///< Of `nodes`.
};

/// As a league wants it: who still runs has run so far.
cell_record record_of(cell_history history);

/// How many tasks one answer may hold.
std::size_t resizes_limit(const v1::ListResizesRequest& request);

/// The ALLOCATOR: the single writer of its cell's ledger.
///
///     award ----> ledger.place --> record --> (disk) --> order --> agent
///     report <--- owner's JOBS <-- record <-- (disk) <-- outcome <-- agent
///
/// An allocation is durable before its order goes out, and its record goes only
/// when the task's owner has made the outcome durable. Amounts are held until
/// the agent says that the task has ended, or until the node is lost for sure:
/// its lease has run out and no other server has its agent.
///
/// No CAF type in here, no disk and no clock: time comes with each call, and
/// what is to be done leaves through the outbox.
class allocator {
public:
  /// @returns `invalid_argument` for an unknown policy.
  static result<std::unique_ptr<allocator>> make(allocator_options options);

  // -- start ------------------------------------------------------------------

  /// Takes one record of the store; others than its own are skipped.
  /// @returns `malformed` for a record that cannot be read.
  result<> recover(std::string_view key, std::string_view value);
  /// Rebuilds the ledger after all records; nodes wait for their agents.
  result<> finish_recovery(instant now);

  // -- messages ---------------------------------------------------------------

  void take(const v1::AgentMessage& message, link_id link, instant now,
            outbox& out);
  void close(link_id link, instant now);
  void take(const mesh::v1::Envelope& envelope, instant now, outbox& out);
  /// Other servers that are known, and those of them that answer. Who was known
  /// once stays so, over starts too: before a silent node's tasks are given up,
  /// each must say that its agent is not there.
  void set_peers(const std::vector<std::string>& known,
                 std::vector<std::string> reachable, outbox& out);
  /// The operator's word that a server is gone for good.
  void forget_peer(const std::string& name, outbox& out);
  void tick(instant now, outbox& out);

  // -- for JOBS of this server and for users ----------------------------------

  /// @returns `invalid_argument`, `limit_exceeded`; that a task fits nowhere is
  ///          no failure but a decision.
  result<v1::DecideReply> decide(const v1::DecideRequest& request, instant now,
                                 outbox& out);
  mesh::v1::Answer answer(const mesh::v1::Question& question, instant now,
                          outbox& out);
  /// Reads a task's output through its agent.
  void logs(const v1::LogsRequest& request, instant now,
            cluster_gateway::reply<v1::LogsChunk> then, outbox& out);
  /// Gives a running task other amounts, within its profile's bounds.
  ///
  /// What it gains is taken in the ledger and durable before the order goes
  /// out; what it gives back is free when the agent says so. An order that a
  /// crash or a broken stream has left open is settled by the next hello: the
  /// agent's amounts are the truth.
  /// @returns `not_found`, `conflict` when it does not run or another resize is
  ///          open, `invalid_argument` outside of the bounds, `insufficient`,
  ///          `unreachable` when the agent does not answer in time, and what
  ///          the agent refuses it with.
  void resize(const v1::ResizeRequest& request, instant now,
              cluster_gateway::reply<v1::ResizeReply> then, outbox& out);
  void describe(v1::ServerStatus& status) const;
  /// Of nodes and tasks, some: no more than that which is copied in 0.1 ms, as
  /// decisions wait for it.
  placement_picture picture() const;
  /// Likewise, with the tasks' times.
  cell_history history() const;
  /// Other policies decide from now on.
  /// @returns `invalid_argument` for one that cannot be made; nothing changes.
  result<> rule(policy_ruling ruling);
  /// The last experience, before the end.
  void finish_experience(instant now, outbox& out);

  const ledger& state() const { return *ledger_; }
  /// Recomputes what is kept twice, the ledger's own included.
  /// @returns `conflict` with the first difference.
  result<> check_invariants() const;

private:
  enum class phase : std::uint8_t {
    ordered, ///< The order is on its way, or waits for the agent.
    running,
    stopping, ///< A stop is on its way; it ends when the agent says so.
    ended,    ///< Its owner does not know yet; holds nothing.
  };

  struct allocation {
    mesh::v1::AllocationRecord record;
    task_ref task;
    bool holds = false; ///< Amounts, in the ledger, as `task`.
    phase now = phase::ordered;
    std::string stop_reason;
    bool evicting = false;          ///< It will start elsewhere.
    bool acknowledge_agent = false; ///< Its agent holds the outcome until then.
    /// A report waits for the owner's answer.
    bool reporting = false;
    std::int64_t reported_at = -1; ///< -1: not sent yet.
    std::int64_t started_unix_milliseconds = 0;
    std::int64_t submitted_unix_milliseconds = 0; ///< 0: not known.
    v1::Usage usage;
    cell_resizer::watched* sized = nullptr; ///< When it may be resized.
    std::uint64_t recorded = 0; ///< Number in the record; 0: not in it.
  };

  struct attached_node {
    mesh::v1::NodeRecord record;
    node_index index{};
    link_id link{};
    bool attached = false;
    std::int64_t heard_at = 0;
    /// Servers that have said since the lease ran out that it is not theirs.
    std::set<std::string> not_at;
    std::uint64_t asked_from = 0; ///< Number of the first question.
    std::int64_t ask_at = 0;      ///< Not before: the answers have just come.
    std::set<std::string> tasks;
    std::int64_t paused_until = 0; ///< Its agent has refused; 0: not paused.
    std::int64_t pause = 0;        ///< The last, in milliseconds.
    std::string refusal;           ///< Why, in its agent's words.
  };

  /// Who waits for an answer: a caller of this process or another server.
  template <class T>
  struct asker {
    cluster_gateway::reply<T> then;
    std::string server;
    std::uint64_t number = 0;
  };

  struct open_logs {
    asker<v1::LogsChunk> who;
    std::int64_t until = 0;
  };

  struct open_resize {
    asker<v1::ResizeReply> who; ///< Unless it is ours.
    bool ours = false;          ///< By the resizer.
    bool answered = false;      ///< That it took too long.
    resources before;
    resources wanted;
    std::int64_t until = 0;
  };

  struct award_fence {
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
  };

  struct gone_task {
    std::uint32_t attempt = 0;
    bool moved = false; ///< There is a record of it.
  };

  explicit allocator(allocator_options options);

  // Agents.
  void hello(const v1::Hello& hello, link_id link, instant now, outbox& out);
  result<> admit(const v1::Hello& hello, instant now, attached_node*& node);
  std::uint64_t last_session_of(const std::string& node) const;
  void reconcile(attached_node& node, const v1::Hello& hello,
                 std::uint64_t last_here, instant now, outbox& out);
  void adopt(attached_node& node, const v1::HeldTask& held, instant now,
             outbox& out);
  void report(const v1::TaskReport& report, link_id link, instant now,
              outbox& out);
  void refused(allocation& a, const v1::OrderRefused& refusal, instant now,
               outbox& out);
  void order_start(const allocation& a, const attached_node& node, outbox& out);
  void order_stop(const allocation& a, const attached_node& node, outbox& out);
  void order_stop(const std::string& task, std::uint32_t attempt,
                  std::string_view reason, const attached_node& node,
                  outbox& out);
  void held(attached_node& node, const v1::HeldTask& held, allocation& a,
            outbox& out);
  void count_as_held(attached_node& node, const v1::HeldTask& held,
                     allocation& a, outbox& out);
  void missing(attached_node& node, const std::string& task, bool was_elsewhere,
               outbox& out);
  void detach(attached_node& node, instant now);
  void lose(const std::string& name, std::string_view reason, bool for_sure,
            outbox& out);
  void look_for_silent(instant now, outbox& out);
  void apply_condition(const attached_node& node);
  void pause(attached_node& node, const std::string& why, instant now);
  void end_pauses(instant now);
  void drain(attached_node& node, outbox& out);

  // Owners.
  void award(const mesh::v1::AwardBatch& batch, const std::string& from,
             instant now, outbox& out);
  bool had_before(const mesh::v1::AwardBatch& batch) const;
  result<allocation*> place(const mesh::v1::Award& award,
                            mesh::v1::AllocationRecord record, instant now,
                            outbox& out);
  mesh::v1::BidReply bid(const mesh::v1::BidRequest& request, outbox& out);
  std::optional<cell_policies::choice> choose(shape_id shape, bool is_decision,
                                              outbox& out);
  v1::Decision offer(const v1::TaskProfile& wire, int number, bool explain,
                     bool is_decision, task_ref* held, outbox& out);
  void stop(const mesh::v1::StopBatch& batch, outbox& out);
  void stop(allocation& a, std::string_view reason, outbox& out);
  void replied(const mesh::v1::ReportReply& reply, outbox& out);
  void report_soon(allocation& a);
  void send_reports(instant now, outbox& out);
  mesh::v1::Report report_on(const allocation& a) const;

  // Other cells.
  void attached_elsewhere(const mesh::v1::NodeAttached& there, outbox& out);
  void take(const mesh::v1::WhereIsReply& reply, const std::string& from,
            outbox& out);
  mesh::v1::NodeAttached manifest(const attached_node& node) const;

  // The table of allocations.
  allocation* find(const std::string& task, std::uint32_t attempt);
  allocation* find(const mesh::v1::TaskId& id);
  void end(allocation& a, bool lost, bool evicted, const v1::Outcome& outcome,
           outbox& out);
  static v1::Outcome ended_because(std::string_view reason);
  void free_amounts(allocation& a, outbox& out);
  static v1::Resources demand_of(const allocation& a);
  void drop(const std::string& task, outbox& out);
  void undo(const std::string& task);
  void remember_gone(const std::string& task, std::uint32_t attempt,
                     const mesh::v1::NodeAttached* moved, outbox& out);
  void write(const allocation& a, outbox& out) const;
  result<> hold(allocation& a, const task_profile& profile, node_index node,
                device_mask devices);
  result<> hold_placed(allocation& a, task_profile profile, node_index node,
                       device_mask devices);
  result<> hold_adopted(allocation& a, attached_node& node, outbox& out);
  template <class Take>
  result<> make_room(attached_node& node, const Take& take, outbox& out);
  device_mask devices_of(const mesh::v1::AllocationRecord& record) const;
  void expire_reservations(instant now, outbox& out);
  void made_room() { ++freed_; }
  const v1::TenantAmounts& capacity();

  // Running tasks.
  void logs(const v1::LogsRequest& request, instant now,
            asker<v1::LogsChunk> who, outbox& out);
  void resize(const v1::ResizeRequest& request, instant now,
              asker<v1::ResizeReply> who, outbox& out);
  result<> begin_resize(allocation& a, const resources& wanted, outbox& out);
  void settle(allocation& a, const v1::Resources& demand, const error* refusal,
              outbox& out);
  void give_up_resize(const std::string& task, const error& why, outbox& out);
  void used(allocation& a, const v1::Usage& usage, instant now);
  void resize_by_use(instant now, outbox& out);
  void resize_to(allocation& a, const resources& wanted, instant now,
                 outbox& out);
  void settled_by_use(allocation& a, bool is_done, const error* refusal);
  v1::TaskSize size_of(const allocation& a) const;
  v1::ListResizesReply sizes(const v1::ListResizesRequest& request) const;
  void take(const v1::LogsAnswer& answer, outbox& out);
  void give_up_late(instant now, outbox& out);
  template <class T>
  static void tell(const asker<T>& who, result<T> answer, outbox& out);

  // Users.
  result<v1::DecideReply> reserve(const v1::DecideRequest& request, instant now,
                                  outbox& out);
  mesh::v1::NodesAnswer nodes(const mesh::v1::NodesQuery& query,
                              instant now) const;
  mesh::v1::NodesAnswer command(const mesh::v1::NodeCommand& what, instant now,
                                outbox& out);
  result<std::uint32_t> reservations(const mesh::v1::ReservationCommand& what,
                                     outbox& out);
  v1::NodeStatus status(const attached_node& node, bool with_tasks,
                        instant now) const;
  void learn_of(const task_shape& awarded);
  std::vector<node_spec> some_nodes() const;
  void note_versions();
  void describe(v1::Decision& decision, const allocation& a) const;
  void log_decision(const std::string& task, std::uint32_t attempt,
                    const v1::Decision& decision, instant now, outbox& out);

  allocator_options options_;
  std::unique_ptr<ledger> ledger_;
  std::unique_ptr<cell_policies> policies_;
  workload_record workload_;           ///< What policies are told, for some.
  task_recorder recorder_;             ///< What they are judged on.
  std::int64_t unix_milliseconds_ = 0; ///< At the last tick.
  std::unique_ptr<cell_recorder> experience_; ///< Where it is recorded.
  std::uint64_t active_version_ = 0; ///< Of the policies, for experience.
  std::uint64_t canary_version_ = 0;
  std::map<std::string, attached_node> nodes_;
  std::unordered_map<std::string, allocation> allocations_; ///< By task.
  std::map<link_id, std::set<std::string>> links_;          ///< Their nodes.
  std::map<std::string, award_fence> fences_;               ///< By owner.
  std::map<std::string, std::set<std::string>> to_report_;  ///< By owner.
  std::set<std::pair<std::int64_t, std::string>> expiring_; ///< Reservations.
  /// The reservations of a request; released ones are empty.
  std::map<std::string, std::vector<std::string>> by_request_;
  std::unordered_map<std::string, gone_task> gone_;
  std::deque<std::string> gone_order_; ///< The oldest first.
  /// The last session of nodes that were lost, by name.
  std::unordered_map<std::string, std::uint64_t> last_sessions_;
  std::set<std::string> known_peers_;
  std::vector<std::string> reachable_;
  std::map<std::uint64_t, open_logs> logs_;
  std::map<std::string, open_resize> resizes_; ///< By task.
  cell_resizer resizer_;
  std::uint64_t next_logs_ = 1;
  std::uint64_t next_reservation_ = 1;
  std::uint64_t next_number_ = 1;
  std::uint64_t next_decision_ = 1;
  std::uint64_t freed_ = 1;
  std::uint64_t told_freed_ = 0;
  std::int64_t told_freed_at_ = -1'000'000;
  std::uint64_t decisions_ = 0;
  std::uint32_t attached_ = 0;   ///< Nodes.
  std::set<std::string> paused_; ///< Likewise.
  v1::TenantAmounts capacity_;   ///< Of all nodes, as of `layout_`.
  std::uint64_t layout_ = 0;     ///< Version.
  resources used_;               ///< Built-in kinds, of all allocations.
};

} // namespace skerry
