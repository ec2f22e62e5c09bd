#pragma once

#include "actors/outbox.hpp"
#include "actors/waiting_line.hpp"
#include "messages/skerry/mesh/v1/records.pb.h"
#include "scheduling/fair_share.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace skerry {

/// A tenant as it is configured.
struct tenant_options {
  std::string name;
  double weight = 1;
  tenant_amounts quota; ///< Zeros: no limit.
};

struct jobs_options {
  std::string server;
  std::uint64_t epoch = 0;
  /// Tasks that have not ended: about a kilobyte each.
  std::size_t max_live_tasks = 1'000'000;
  /// Ended jobs stay readable, and their ids taken, until there are more.
  std::size_t max_ended_jobs = 100'000;
  /// Tasks of one job; more are several jobs.
  std::uint32_t max_tasks_per_job = 100'000;
  /// Jobs that one job waits for: each is looked at when it is submitted.
  int max_parents = 1'000;
  /// Awards in one message: some hundred kilobytes.
  std::size_t award_batch = 256;
  /// Batches that one cell has not answered yet.
  std::size_t award_window = 8;
  /// Classes that are tried again when a cell has made room: the first in
  /// order, and as many that have waited longest for it.
  std::size_t retries = 64;
  /// An answer that is not there after this is asked for again.
  std::int64_t resend_milliseconds = 2'000;
  /// Cells that have not bid by then are not waited for.
  std::int64_t bid_milliseconds = 250;
  std::vector<tenant_options> tenants = {};
  fair_share::options share = {};
  /// Tasks of a kind of which none has started for this long count as one
  /// priority higher, for twice as long as two, and so on: nothing starves.
  std::int64_t age_milliseconds = 600'000;
  /// Names of tenants come from users; each is some hundred bytes while it
  /// waits for something or counts for something.
  std::size_t max_tenants = 10'000;
};

/// JOBS: owns the jobs accepted at this server.
///
///     submit --> record --> (disk) --> acknowledged
///     queue --> bids of all cells --> award to the best --> placed
///     report of a cell --> record --> (disk) --> accepted
///
/// It alone counts attempts. A task is awarded to one cell at a time; an award
/// to another server is on disk before it leaves, one to the cell of this
/// server need not be: its allocation comes back from the same store, or the
/// record that its node has taken it elsewhere.
///
/// No CAF type in here, no disk and no clock.
class jobs {
public:
  explicit jobs(jobs_options options);

  /// Takes one record of the store, those of the own cell included.
  /// @returns `malformed` for a record that cannot be read.
  result<> recover(std::string_view key, std::string_view value);
  result<> finish_recovery();

  /// All jobs are accepted or none; the reply goes out when they are on disk.
  void submit(const v1::SubmitRequest& request, instant now,
              cluster_gateway::reply<v1::SubmitReply> then, outbox& out);
  result<v1::JobStatus> status(const std::string& id) const;
  v1::ListJobsReply list(const v1::ListJobsRequest& request) const;
  /// @returns The status that follows, `not_found`.
  result<v1::JobStatus> cancel(const v1::CancelJobRequest& request, instant now,
                               outbox& out);
  /// Why its tasks wait, and what to ask the cells about it; `not_found`.
  /// @cost O(tasks of the job + classes that wait).
  result<mesh::v1::JobInQueue> explain(const std::string& id) const;
  /// Of the task's job, with this task alone; `not_found`.
  result<v1::JobStatus> task_status(const std::string& task) const;
  void describe(v1::ServerStatus& status) const;
  /// Answers another server for one of its users.
  mesh::v1::Answer answer(const mesh::v1::Question& question, instant now,
                          outbox& out);

  void take(const mesh::v1::Envelope& envelope, instant now, outbox& out);
  void set_peers(std::vector<std::string> reachable);
  /// The tenants that have something here, or are configured.
  v1::TenantsReply tenants() const;
  /// Awards what waits, repeats what was not answered.
  void tick(instant now, outbox& out);

  std::size_t queued() const { return counts_[v1::QUEUED]; }
  /// Recomputes what is kept twice.
  result<> check_invariants() const;

private:
  struct job;
  struct queue_class;
  using class_ptr = std::shared_ptr<queue_class>;

  struct job_task {
    v1::TaskState state = v1::QUEUED;
    /// The last record says that another server may hold it.
    bool elsewhere_on_disk = false;
    std::uint32_t attempt = 1;
    std::uint32_t failures = 0;
    std::uint32_t group = 0;
    bool is_charged = false; ///< To its tenant: it is placed, or may soon be.
    /// Number of the bid or the award that has no answer yet; 0 for none.
    std::uint64_t open = 0;
    std::uint64_t session = 0; ///< Of the node, as last reported.
    std::string cell;
    std::string node;
    std::vector<std::uint32_t> devices;
    std::unique_ptr<v1::Resources> demand; ///< When it was resized.
    std::int64_t not_before = 0; ///< Unix milliseconds; 0: whenever it fits.
    v1::Outcome outcome;

    bool is_awarding() const { return state == v1::PLACED && open != 0; }
  };

  /// Of a job whose groups wait for each other; by group.
  struct stage_table {
    std::vector<std::uint32_t> unfinished;        ///< Tasks.
    std::vector<std::uint32_t> parents_left;      ///< That have not finished.
    std::vector<std::vector<std::uint32_t>> next; ///< That wait for it.
    std::vector<std::string> doomed; ///< Why it will never start; or empty.
  };

  /// Whose a group's tasks are, and what each of them may come to hold.
  struct charged_to {
    fair_share::tenant* tenant = nullptr;
    tenant_amounts most;
  };

  struct job {
    mesh::v1::JobRecord record;
    std::vector<job_task> tasks;
    std::vector<class_ptr> classes;                              ///< By group.
    std::vector<charged_to> charged;                             ///< By group.
    std::array<std::uint32_t, v1::TaskState_ARRAYSIZE> counts{}; ///< By state.
    std::unique_ptr<stage_table> stages; ///< None when no group waits.
    std::uint32_t parents_left = 0;      ///< Jobs that have not finished.
    std::int64_t held_until = 0;         ///< Unix milliseconds; 0: is not held.
    bool ended = false;
  };

  /// Instead of a task's index.
  static constexpr std::uint32_t whole_job = 0xffff'ffff;

  /// A task of a job, by index.
  struct task_of {
    job* owner;
    std::uint32_t index;

    job_task& operator*() const { return owner->tasks[index]; }
    job_task* operator->() const { return &owner->tasks[index]; }
  };

  /// In order of arrival; a task that comes back goes before younger ones.
  struct by_arrival {
    bool operator()(task_of a, task_of b) const {
      return std::pair{a.owner->record.number(), a.index}
             < std::pair{b.owner->record.number(), b.index};
    }
  };

  /// Where a class waits for its turn.
  enum class place : std::uint8_t {
    nowhere, ///< It has no task that waits.
    ready,
    blocked, ///< Fits nowhere for now.
    parked,  ///< Its tenant's quota is used up.
  };

  /// Queued tasks of a tenant that fit the same nodes. A gang is a class alone.
  struct queue_class {
    std::uint64_t number = 0;
    std::int32_t priority = 0;
    fair_share::tenant* tenant = nullptr;
    std::set<task_of, by_arrival> waiting;
    line_key listed{}; ///< In one of the lines, unless it is nowhere.
    place at = place::nowhere;
    std::int64_t since = -1; ///< The last start of one, or that it came.
    bool gang = false;
    std::size_t batch = 1; ///< Tasks to award at once: as many as went well.
    /// The cells' counts of freed amounts when it was refused.
    std::map<std::string, std::uint64_t> refused_at;
    std::string why;
  };

  struct open_award {
    std::string cell;
    std::vector<task_of> tasks;
    class_ptr queue;
    bool gang = false;
    std::int64_t sent_at = 0;
  };

  struct open_bid {
    class_ptr queue;
    std::vector<task_of> tasks;
    std::set<std::string> waits_for;
    std::map<std::string, mesh::v1::BidReply> replies;
    std::int64_t until = 0;
  };

  struct cell_view {
    std::uint64_t epoch = 0; ///< 0: not heard yet, so it gets no awards.
    std::uint64_t freed = 0;
    std::size_t open_awards = 0;
    tenant_amounts capacity;
  };

  result<> check(const v1::Job& wire) const;
  job& add(mesh::v1::JobRecord record);
  class_ptr class_of(const v1::TaskGroup& group);
  static std::string tenant_of(const v1::TaskGroup& group);
  void recover_task(task_of t, const std::string& id);
  void recover_awards(job& owner);
  task_of find(const std::string& id);
  std::string id_of(task_of t) const;
  static const v1::TaskGroup& group_of(task_of t);
  void set_state(task_of t, v1::TaskState state);
  void write(task_of t, outbox& out);
  void requeue(task_of t, bool failed, const v1::Outcome& outcome, instant now,
               outbox& out);
  void end(task_of t, v1::TaskState state, instant now, outbox& out);
  void forget_oldest(outbox& out);
  void cancel(job& owner, const std::string& reason, outbox& out, instant now);

  // What waits for others, or for a time.
  result<> check_parents(const v1::SubmitRequest& request) const;
  static void make_stages(job& owner);
  void recover_stages(job& owner);
  void follow_parents(job& owner);
  void hold(job& owner);
  bool is_held(task_of t) const;
  std::string held_because(task_of t) const;
  void enqueue_all(job& owner);
  void enqueue_group(job& owner, std::uint32_t group);
  void stage_left(task_of t, v1::TaskState state, instant now, outbox& out);
  void release_followers(instant now, outbox& out);
  void release_due(instant now);
  static std::int64_t retry_delay(task_of t);
  result<const job*> owner_of(const std::string& id) const;
  v1::JobStatus status_of(const job& owner, bool whole) const;
  v1::TaskStatus status_of(task_of t) const;
  std::string waits_because(task_of t) const;
  std::string turn_of(task_of t) const;
  void explain(task_of first, v1::GroupExplanation& out) const;
  void add_what_holds(task_of t, v1::GroupExplanation& out) const;
  void add_ahead(const queue_class& queue, v1::GroupExplanation& out) const;
  bool goes_before(const queue_class& one, const queue_class& other) const;
  mesh::v1::BidRequest bid_request(task_of first) const;
  v1::TaskState state_of(const job& owner) const;

  // The queue.
  void enqueue(task_of t, bool was_refused = false);
  void dequeue(task_of t);
  void list(queue_class& queue, place at);
  void list(queue_class& queue) { list(queue, queue.at); }
  std::int32_t tier_of(const queue_class& queue) const;
  void grow_older();
  bool is_blocked(const queue_class& queue) const;
  void unblock();
  void forget_classes();
  std::vector<task_of> next_of(queue_class& queue, double next_charge);
  void pump(instant now, outbox& out);

  // Tenants.
  void count_users(job& owner);
  result<> check_tenants(const v1::Job& wire) const;
  void note_time(instant now);
  void count_capacity();
  static bool has_room(task_of t);
  void charge(task_of t, bool is_charged);
  void unpark(const fair_share::tenant& tenant);
  void forget_tenants();
  v1::TenantStatus status_of(const fair_share::tenant& tenant,
                             double weights) const;
  double weights_in_use() const;

  // Bids and awards.
  void ask_for_bids(const class_ptr& queue, std::vector<task_of> tasks,
                    instant now, outbox& out);
  void choose(std::uint64_t number, instant now, outbox& out);
  std::map<std::string, std::vector<task_of>>
  best_cells(const open_bid& bid, std::vector<task_of>& nowhere,
             std::string& why) const;
  void award(const std::string& cell, const class_ptr& queue,
             std::vector<task_of> tasks, instant now, outbox& out);
  void send(open_award open, instant now, outbox& out);
  void answered(const mesh::v1::AwardReply& reply, instant now, outbox& out);
  bool answered(task_of t, const mesh::v1::AwardResult& result, instant now,
                outbox& out);
  void resend(instant now, outbox& out);

  // Reports.
  void freed(const mesh::v1::CellFreed& news, instant now, outbox& out);
  void reported(const mesh::v1::ReportBatch& batch, instant now, outbox& out);
  void report(const mesh::v1::Report& report, const std::string& cell,
              mesh::v1::ReportReply& reply, instant now, outbox& out);
  void alive(task_of t, const mesh::v1::Report& report, const std::string& cell,
             mesh::v1::ReportReply& reply, outbox& out);
  void ask_to_stop(instant now, outbox& out);

  jobs_options options_;
  fair_share share_;
  std::map<std::string, job> jobs_;
  // In recovery.
  std::map<std::string, mesh::v1::TaskRecord> task_records_;
  std::map<std::string, mesh::v1::AllocationRecord> allocations_;
  std::map<std::string, mesh::v1::MovedRecord> moved_;
  std::unordered_map<std::string, class_ptr> classes_; ///< By profile.
  waiting_line<queue_class> ready_; ///< To award, first to last.
  std::map<line_key, queue_class*> blocked_;
  line_key retried_{}; ///< Of the blocked ones, the last tried in turn.
  std::map<const fair_share::tenant*, std::map<line_key, queue_class*>> parked_;
  std::int64_t now_ = -1; ///< Steady milliseconds, of the last message.
  std::int64_t aged_at_ = 0;
  std::map<std::uint64_t, open_award> awards_;
  std::map<std::uint64_t, open_bid> bids_;
  std::map<std::string, cell_view> cells_; ///< That are reachable.
  std::set<std::string> to_stop_;          ///< Tasks whose job is cancelled.
  std::int64_t stops_sent_at_ = -1'000'000;
  std::int64_t swept_at_ = 0;
  /// Tasks and whole jobs that wait for a time, by time, job and index.
  std::map<std::tuple<std::int64_t, std::uint64_t, std::uint32_t>, task_of>
      timers_;
  /// Jobs that wait for a job.
  std::unordered_map<std::string, std::vector<std::string>> followers_;
  std::vector<std::string> just_ended_; ///< Jobs that may have followers.
  std::deque<std::string> ended_;       ///< Jobs, the oldest first.
  std::array<std::uint64_t, v1::TaskState_ARRAYSIZE> counts_{}; ///< Tasks.
  std::uint64_t next_number_ = 1;
  std::uint64_t next_job_ = 1;
  std::uint64_t next_class_ = 1;
};

/// Whether a task or job in this state stays in it.
inline bool has_ended(v1::TaskState state) {
  return state == v1::FINISHED || state == v1::FAILED || state == v1::CANCELLED;
}

} // namespace skerry
