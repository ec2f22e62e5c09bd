#pragma once

#include "actors/league_judge.hpp"
#include "actors/questions.hpp"
#include "actors/role_actor.hpp"
#include "actors/server.hpp"
#include "storage/decision_log.hpp"
#include "storage/group_commit.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

namespace skerry {

/// A reply that is called even when its call gets lost on the way: by a stop of
/// the server, or by a store that cannot commit any more.
template <class T>
cluster_gateway::reply<T> answered_for_sure(cluster_gateway::reply<T> then) {
  struct guard {
    cluster_gateway::reply<T> then;
    ~guard() {
      if (then)
        then(error{error_code::unreachable,
                   "the server is stopping; ask again, or ask another one"});
    }
  };
  auto kept = std::make_shared<guard>(std::move(then));
  return [kept](result<T> value) {
    if (auto once = std::exchange(kept->then, nullptr))
      once(std::move(value));
  };
}

/// The server as it runs.
///
///     API --call--> JOBS, ALLOCATOR --outbox--> group commit --(on disk)--+
///                     ^                                                   |
///                     +-- envelopes <-- replies, agents, mesh <--deliver--+
///
/// What a caller only asks the ALLOCATOR, his own thread finds out while the
/// ALLOCATOR has nothing else to do (decision 0021).
class running_server final : public server {
public:
  using jobs_role = skerry::jobs;

  explicit running_server(server_options options)
      : options_{std::move(options)} {}
  ~running_server() override { stop(); }

  result<> open();
  std::uint64_t epoch() const override { return options_.jobs.epoch; }
  void stop() override;

  void submit(v1::SubmitRequest request, reply<v1::SubmitReply> then) override;
  void job(v1::GetJobRequest request, reply<v1::JobStatus> then) override;
  void jobs(v1::ListJobsRequest request,
            reply<v1::ListJobsReply> then) override;
  void cancel(v1::CancelJobRequest request, reply<v1::JobStatus> then) override;
  void explain(v1::GetJobRequest request,
               reply<v1::JobExplanation> then) override;
  void logs(v1::LogsRequest request, reply<v1::LogsChunk> then) override;
  void resize(v1::ResizeRequest request, reply<v1::ResizeReply> then) override;
  void resizes(v1::ListResizesRequest request,
               reply<v1::ListResizesReply> then) override;
  void decide(v1::DecideRequest request, reply<v1::DecideReply> then) override;
  void confirm(v1::ReservationsRequest request,
               reply<v1::ReservationsReply> then) override;
  void release(v1::ReservationsRequest request,
               reply<v1::ReservationsReply> then) override;
  void decisions(v1::ListDecisionsRequest request,
                 reply<v1::ListDecisionsReply> then) override;
  void nodes(v1::ListNodesRequest request,
             reply<v1::ListNodesReply> then) override;
  void node(v1::GetNodeRequest request, reply<v1::NodeStatus> then) override;
  void set_condition(v1::SetConditionRequest request,
                     reply<v1::NodeStatus> then) override;
  void forget(v1::GetNodeRequest request, reply<v1::ForgetReply> then) override;
  void servers(v1::ServersRequest request,
               reply<v1::ServersReply> then) override;
  void forget_server(v1::ForgetServerRequest request,
                     reply<v1::ForgetServerReply> then) override;
  void islands(v1::IslandsRequest request,
               reply<v1::IslandsReply> then) override;
  void tenants(v1::TenantsRequest request,
               reply<v1::TenantsReply> then) override;
  void learner(v1::LearnerRequest request,
               reply<v1::LearnerReply> then) override;
  void policies(v1::PolicyCommand asked,
                reply<v1::PoliciesReply> then) override;

  link_id open_link(std::shared_ptr<agent_sink> to) override;
  bool take(link_id link, v1::AgentMessage message) override;
  void close_link(link_id link) override;

private:
  using jobs_call = std::function<void(jobs_role&, instant, outbox&)>;
  using cell_call = std::function<void(allocator&, instant, outbox&)>;
  using league_call = std::function<void(league_role&, instant, outbox&)>;

  struct link_entry {
    std::shared_ptr<agent_sink> sink;
    std::shared_ptr<std::atomic<std::uint32_t>> backlog;
  };

  /// An island's actor, and its messages that wait.
  struct island_entry {
    role_actor<island_worker> actor;
    std::shared_ptr<std::atomic<std::uint32_t>> backlog;
  };

  result<> recover(std::unique_ptr<jobs_role>& owner,
                   std::unique_ptr<allocator>& cell);
  void spawn_roles(std::unique_ptr<jobs_role> owner,
                   std::unique_ptr<allocator> cell);
  void spawn_islands();
  /// @pre `roles_mutex_` is held.
  void to_island(mesh::v1::Envelope envelope);
  void tell_islands_of_peers();
  /// Brings the islands a picture of the cell.
  void show_cell(std::uint32_t island);
  v1::IslandsReply islands_here(const v1::IslandsRequest& request) const;
  /// Asks each reachable server for what it has recorded since the last time,
  /// when all have answered.
  void gather_experience();
  void spawn_learner();
  void tell_learner_of_peers();
  v1::LearnerReply learner_here(const v1::LearnerRequest& request) const;
  /// Before the roles are spawned: who ruled before rules from the first task.
  void open_league(allocator& cell);
  void spawn_judge();
  /// Runs the call alone, and hands on what it wants done.
  void with_league(const league_call& run);
  /// Brings the judge what the cell has been like.
  void show_history();
  /// What the ALLOCATOR has found wrong with policies.
  void raise_alarms(const std::vector<policy_fault>& faults);
  void to_jobs(jobs_call run);
  void to_cell(cell_call run);
  void hand_on(outbox out);
  void deliver(outbox& out);
  void deliver(mesh::v1::Envelope envelope);
  void take_own(mesh::v1::Envelope envelope);
  void decided(const std::vector<v1::DecisionRecord>& decisions,
               std::chrono::steady_clock::time_point began);
  void peers_changed(const std::vector<peer>& peers);
  void tell_roles_of_peers();
  v1::ServerStatus own_status();
  void refresh_status();
  void fail(const error& why);
  std::vector<std::string> reachable() const;
  /// As this server knows them, itself first.
  void servers_here(reply<v1::ServersReply> then);
  /// @param then Called when it is on disk.
  void forget_here(const std::string& name, std::uint64_t epoch,
                   reply<done> then);
  void forgotten_elsewhere(const std::string& name, std::uint64_t epoch);
  void forget_everywhere(const std::string& name, std::uint64_t epoch,
                         reply<v1::ForgetServerReply> then);
  /// Known servers that are not among these.
  std::vector<std::string> missing(const questions::answers& answers) const;
  /// Asks the role at each server, this one too, and gives all answers.
  void ask_all(mesh::v1::Envelope::Role role, mesh::v1::Question question,
               questions::all_answers then);
  bool is_alone() const;
  /// On this thread. @returns False when the ALLOCATOR is at work.
  bool decide_at_once(const v1::DecideRequest& request,
                      const reply<v1::DecideReply>& then);
  void decide_here(v1::DecideRequest request, reply<v1::DecideReply> then);
  void change(const v1::ReservationsRequest& request,
              mesh::v1::ReservationCommand::Kind kind,
              reply<v1::ReservationsReply> then);
  /// Asks all, of whom one knows: that nobody does is only sure when all have
  /// answered.
  void first_answer(mesh::v1::Envelope::Role role, mesh::v1::Question question,
                    reply<mesh::v1::Answer> then);
  void first_status(mesh::v1::Question question, reply<v1::JobStatus> then);
  void node_command(mesh::v1::NodeCommand what,
                    std::function<void(result<mesh::v1::NodesAnswer>)> then);

  server_options options_;
  std::unique_ptr<store> store_;
  std::unique_ptr<decision_log> decisions_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<questions> questions_;
  mutable std::shared_mutex roles_mutex_;
  role_actor<jobs_role> jobs_; ///< Under `roles_mutex_`, as is the next.
  role_actor<allocator> cell_;
  std::shared_ptr<shared_role<allocator>> cell_role_; ///< Set at the start.
  std::vector<island_entry> islands_;
  role_actor<learner_worker> learner_; ///< Where there is one.
  bool stopped_ = false;               ///< Likewise.
  std::unique_ptr<server_mesh> mesh_;
  mutable std::shared_mutex links_mutex_;
  std::map<link_id, link_entry> links_;
  std::uint64_t next_link_ = 1;
  std::mutex status_mutex_;
  v1::ServerStatus status_; ///< Under `status_mutex_`, as is the next.
  recent_values decision_nanoseconds_;
  mutable std::mutex peers_mutex_;
  // Under `peers_mutex_`; the first two are on disk, with epochs.
  std::map<std::string, std::uint64_t> remembered_;
  std::map<std::string, std::uint64_t> forgotten_;
  std::vector<std::string> reachable_;
  std::map<std::string, std::uint32_t> islands_at_; ///< Reachable servers.
  std::set<std::string> learners_at_;               ///< Likewise.
  std::shared_ptr<learner_board> learner_board_
      = std::make_shared<learner_board>();
  /// What the learner draws from; whoever records fills it.
  std::shared_ptr<experience_ring> experience_;
  std::shared_ptr<island_board> board_ = std::make_shared<island_board>();
  /// That the islands and the learner end now.
  std::shared_ptr<std::atomic<bool>> islands_stop_
      = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<replay> replay_; ///< Where experience is kept.
  std::mutex gather_mutex_;
  /// Under `gather_mutex_`: what has been gathered of each server.
  std::map<std::string, std::uint64_t> gathered_to_;
  std::int64_t gathered_at_ = 0; ///< Likewise, steady milliseconds.
  bool gathering_ = false;       ///< Likewise: answers are awaited.
  /// Kept by the store, until the league has it.
  policy_store policies_;
  std::mutex league_mutex_;
  std::unique_ptr<league_role> league_; ///< Under `league_mutex_`.
  std::shared_ptr<league_judge> judge_;
  caf::actor judge_actor_; ///< Under `roles_mutex_`.
  /// That islands and the league's candidates pause.
  std::shared_ptr<std::atomic<bool>> frozen_
      = std::make_shared<std::atomic<bool>>(false);
  std::atomic<bool> failed_ = false;
  // Last, so that it ends first: its callbacks use all of the above.
  std::unique_ptr<group_commit> commits_;
};

} // namespace skerry
