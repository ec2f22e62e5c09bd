#pragma once

#include "actors/outbox.hpp"
#include "messages/skerry/mesh/v1/records.pb.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace skerry {

struct jobs_options {
  std::string server;
  std::uint64_t epoch = 0;
  /// Tasks that have not ended: about a kilobyte each.
  std::size_t max_live_tasks = 1'000'000;
  /// Ended jobs stay readable, and their ids taken, until there are more.
  std::size_t max_ended_jobs = 100'000;
  /// Tasks of one job; more are several jobs.
  std::uint32_t max_tasks_per_job = 100'000;
  /// Awards in one message: some hundred kilobytes.
  std::size_t award_batch = 256;
  /// Batches that one cell has not answered yet.
  std::size_t award_window = 8;
  /// An answer that is not there after this is asked for again.
  std::int64_t resend_milliseconds = 2'000;
  /// Cells that have not bid by then are not waited for.
  std::int64_t bid_milliseconds = 250;
};

/// JOBS: owns the jobs accepted at this server.
///
///     submit --> record --> (disk) --> acknowledged
///     queue --> bids of all cells --> award to the best --> placed
///     report of a cell --> record --> (disk) --> accepted
///
/// It alone counts attempts. A task is awarded to one cell at a time; an award
/// to another server is on disk before it leaves, one to the cell of this
/// server need not be: its allocation comes back from the same store.
///
/// No CAF type in here, no disk and no clock.
class jobs {
public:
  explicit jobs(jobs_options options) : options_{std::move(options)} {}

  /// Takes one record of the store, allocations of the own cell included.
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
  /// The cell that has the task, empty for none; `not_found`.
  result<std::string> cell_of(const std::string& task) const;
  void describe(v1::ServerStatus& status) const;
  /// Answers another server for one of its users.
  mesh::v1::Answer answer(const mesh::v1::Question& question, instant now,
                          outbox& out);

  void take(const mesh::v1::Envelope& envelope, instant now, outbox& out);
  void set_peers(std::vector<std::string> reachable);
  /// Awards what waits, repeats what was not answered.
  void tick(instant now, outbox& out);

  std::size_t queued() const { return counts_[v1::QUEUED]; }
  /// Recomputes what is kept twice.
  result<> check_invariants() const;

private:
  struct job_task {
    v1::TaskState state = v1::QUEUED;
    bool awarding = false; ///< Queued no more, and no answer yet.
    bool stop_sent = false;
    std::uint32_t attempt = 1;
    std::uint32_t failures = 0;
    std::uint32_t group = 0;
    std::uint64_t session = 0; ///< Of the node, as last reported.
    std::string cell;
    std::string node;
    std::vector<std::uint32_t> devices;
    v1::Outcome outcome;
  };

  struct job {
    mesh::v1::JobRecord record;
    std::vector<job_task> tasks;
    std::array<std::uint32_t, v1::TaskState_ARRAYSIZE> counts{}; ///< By state.
  };

  /// A task of a job, by index.
  struct task_of {
    job* owner;
    std::uint32_t index;
  };

  /// Queued tasks that fit the same nodes, in order of arrival.
  struct queue_class {
    std::int32_t priority = 0;
    std::uint64_t first = 0; ///< Number of its oldest job.
    std::deque<task_of> waiting;
    /// The cells' counts of freed amounts when it was refused.
    std::map<std::string, std::uint64_t> refused_at;
    std::string why;
    bool gang = false;
    bool blocked = false;
  };

  struct open_award {
    std::string cell;
    std::vector<task_of> tasks;
    std::string queue;
    bool gang = false;
    std::int64_t sent_at = 0;
  };

  struct open_bid {
    std::string queue;
    std::vector<task_of> tasks;
    std::set<std::string> waits_for;
    std::map<std::string, mesh::v1::BidReply> replies;
    std::int64_t until = 0;
  };

  struct cell_view {
    std::uint64_t freed = 0;
    std::size_t open_awards = 0;
  };

  result<> check(const v1::Job& wire) const;
  void add(mesh::v1::JobRecord record);
  task_of find(const std::string& id);
  std::string id_of(task_of t) const;
  static const v1::TaskGroup& group_of(task_of t);
  void set_state(task_of t, v1::TaskState state);
  void enqueue(task_of t);
  void ended(job& owner, instant now, outbox& out);
  void write(task_of t, outbox& out);
  void requeue(task_of t, bool failed, const v1::Outcome& outcome, instant now,
               outbox& out);
  v1::JobStatus status_of(const job& owner, bool whole) const;
  v1::TaskState state_of(const job& owner) const;

  void pump(instant now, outbox& out);
  std::vector<task_of> next_of(queue_class& queue);
  void ask_for_bids(const std::string& key, std::vector<task_of> tasks,
                    instant now, outbox& out);
  void choose(open_bid bid, instant now, outbox& out);
  void award(const std::string& cell, const std::string& key,
             std::vector<task_of> tasks, instant now, outbox& out);
  void send(open_award& open, instant now, outbox& out);
  void answered(const mesh::v1::AwardReply& reply, instant now, outbox& out);
  void put_back(const std::string& key, const std::vector<task_of>& tasks);
  bool is_blocked(const queue_class& queue) const;
  void list_in_order(const std::string& key, queue_class& queue);
  void unblock();
  static std::string key_of(task_of t);

  void reported(const mesh::v1::ReportBatch& batch, instant now, outbox& out);
  bool report(const mesh::v1::Report& report, const std::string& cell,
              mesh::v1::ReportReply& reply, instant now, outbox& out);
  void ask_to_stop(instant now, outbox& out);

  jobs_options options_;
  std::map<std::string, job> jobs_;
  std::map<std::string, mesh::v1::TaskRecord> task_records_; ///< In recovery.
  std::map<std::string, mesh::v1::AllocationRecord> allocations_; ///< Likewise.
  std::unordered_map<std::string, queue_class> queues_;
  /// Classes with waiting tasks, most urgent first.
  std::set<std::tuple<std::int32_t, std::uint64_t, std::string>> order_;
  std::vector<std::string> blocked_; ///< Classes that fit nowhere now.
  std::map<std::uint64_t, open_award> awards_;
  std::map<std::uint64_t, open_bid> bids_;
  std::map<std::string, cell_view> cells_; ///< That can be asked.
  std::set<std::string> to_stop_;          ///< Tasks whose job is cancelled.
  std::int64_t stops_sent_at_ = -1'000'000;
  std::deque<std::string> ended_; ///< Jobs, the oldest first.
  std::array<std::uint64_t, v1::TaskState_ARRAYSIZE> counts_{}; ///< Tasks.
  std::uint64_t next_number_ = 1;
  std::uint64_t next_job_ = 1;
};

} // namespace skerry
