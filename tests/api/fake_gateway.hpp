#pragma once

#include "messages/gateway.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace skerry::testing {

/// A gateway whose answers a test gives: at once by default, or when it says
/// so.
class fake_gateway final : public cluster_gateway {
public:
  template <class Request, class Reply>
  using answer = std::function<result<Reply>(const Request&)>;

  answer<v1::SubmitRequest, v1::SubmitReply> on_submit = not_set;
  answer<v1::GetJobRequest, v1::JobStatus> on_job = not_set;
  answer<v1::ListJobsRequest, v1::ListJobsReply> on_jobs = not_set;
  answer<v1::CancelJobRequest, v1::JobStatus> on_cancel = not_set;
  answer<v1::GetJobRequest, v1::JobExplanation> on_explain = not_set;
  answer<v1::LogsRequest, v1::LogsChunk> on_logs = not_set;
  answer<v1::ResizeRequest, v1::ResizeReply> on_resize = not_set;
  answer<v1::ListResizesRequest, v1::ListResizesReply> on_resizes = not_set;
  answer<v1::DecideRequest, v1::DecideReply> on_decide = not_set;
  answer<v1::ReservationsRequest, v1::ReservationsReply> on_confirm = not_set;
  answer<v1::ReservationsRequest, v1::ReservationsReply> on_release = not_set;
  answer<v1::ListDecisionsRequest, v1::ListDecisionsReply> on_decisions
      = not_set;
  answer<v1::ListNodesRequest, v1::ListNodesReply> on_nodes = not_set;
  answer<v1::GetNodeRequest, v1::NodeStatus> on_node = not_set;
  answer<v1::SetConditionRequest, v1::NodeStatus> on_condition = not_set;
  answer<v1::GetNodeRequest, v1::ForgetReply> on_forget = not_set;
  answer<v1::ServersRequest, v1::ServersReply> on_servers = not_set;
  answer<v1::ForgetServerRequest, v1::ForgetServerReply> on_forget_server
      = not_set;
  answer<v1::IslandsRequest, v1::IslandsReply> on_islands = not_set;
  answer<v1::TenantsRequest, v1::TenantsReply> on_tenants = not_set;
  answer<v1::LearnerRequest, v1::LearnerReply> on_learner = not_set;
  answer<v1::PolicyCommand, v1::PoliciesReply> on_policies = not_set;

  /// From now on replies wait for `reply_to`.
  void hold() {
    const std::lock_guard lock{mutex_};
    holding_ = true;
  }
  /// Blocks until `count` replies are held.
  void await_held(std::size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return held_.size() >= count; });
  }
  std::size_t held() {
    const std::lock_guard lock{mutex_};
    return held_.size();
  }
  /// Gives the reply that has been held at `position` since the first.
  void reply_to(std::size_t position) {
    std::function<void()> then;
    {
      const std::lock_guard lock{mutex_};
      then = std::exchange(held_.at(position), [] {});
    }
    then();
  }

  /// A link as the cluster sees it.
  struct link {
    std::shared_ptr<agent_sink> sink;
    std::vector<v1::AgentMessage> taken;
    bool is_open = true;
  };
  /// Answers of `take`, one after the other; true when there are none left.
  std::deque<bool> take_answers;
  /// Waits until `is_so` holds for the links.
  template <class Predicate>
  void await_links(Predicate is_so) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return is_so(links_); });
  }
  std::shared_ptr<agent_sink> sink_of(std::size_t number) {
    await_links([&](const auto& links) { return links.size() > number; });
    const std::lock_guard lock{mutex_};
    return links_.at(number).sink;
  }

  void submit(v1::SubmitRequest request, reply<v1::SubmitReply> then) override {
    give(on_submit, request, std::move(then));
  }
  void job(v1::GetJobRequest request, reply<v1::JobStatus> then) override {
    give(on_job, request, std::move(then));
  }
  void jobs(v1::ListJobsRequest request,
            reply<v1::ListJobsReply> then) override {
    give(on_jobs, request, std::move(then));
  }
  void cancel(v1::CancelJobRequest request,
              reply<v1::JobStatus> then) override {
    give(on_cancel, request, std::move(then));
  }
  void logs(v1::LogsRequest request, reply<v1::LogsChunk> then) override {
    give(on_logs, request, std::move(then));
  }
  void resize(v1::ResizeRequest request, reply<v1::ResizeReply> then) override {
    give(on_resize, request, std::move(then));
  }
  void resizes(v1::ListResizesRequest request,
               reply<v1::ListResizesReply> then) override {
    give(on_resizes, request, std::move(then));
  }
  void decide(v1::DecideRequest request, reply<v1::DecideReply> then) override {
    give(on_decide, request, std::move(then));
  }
  void confirm(v1::ReservationsRequest request,
               reply<v1::ReservationsReply> then) override {
    give(on_confirm, request, std::move(then));
  }
  void release(v1::ReservationsRequest request,
               reply<v1::ReservationsReply> then) override {
    give(on_release, request, std::move(then));
  }
  void decisions(v1::ListDecisionsRequest request,
                 reply<v1::ListDecisionsReply> then) override {
    give(on_decisions, request, std::move(then));
  }
  void nodes(v1::ListNodesRequest request,
             reply<v1::ListNodesReply> then) override {
    give(on_nodes, request, std::move(then));
  }
  void node(v1::GetNodeRequest request, reply<v1::NodeStatus> then) override {
    give(on_node, request, std::move(then));
  }
  void set_condition(v1::SetConditionRequest request,
                     reply<v1::NodeStatus> then) override {
    give(on_condition, request, std::move(then));
  }
  void explain(v1::GetJobRequest request,
               reply<v1::JobExplanation> then) override {
    give(on_explain, request, std::move(then));
  }
  void forget(v1::GetNodeRequest request,
              reply<v1::ForgetReply> then) override {
    give(on_forget, request, std::move(then));
  }
  void servers(v1::ServersRequest request,
               reply<v1::ServersReply> then) override {
    give(on_servers, request, std::move(then));
  }
  void forget_server(v1::ForgetServerRequest request,
                     reply<v1::ForgetServerReply> then) override {
    give(on_forget_server, request, std::move(then));
  }
  void islands(v1::IslandsRequest request,
               reply<v1::IslandsReply> then) override {
    give(on_islands, request, std::move(then));
  }
  void tenants(v1::TenantsRequest request,
               reply<v1::TenantsReply> then) override {
    give(on_tenants, request, std::move(then));
  }
  void learner(v1::LearnerRequest request,
               reply<v1::LearnerReply> then) override {
    give(on_learner, request, std::move(then));
  }
  void policies(v1::PolicyCommand asked,
                reply<v1::PoliciesReply> then) override {
    give(on_policies, asked, std::move(then));
  }

  link_id open_link(std::shared_ptr<agent_sink> to) override {
    const std::lock_guard lock{mutex_};
    links_.push_back({.sink = std::move(to), .taken = {}});
    changed_.notify_all();
    return link_id{links_.size() - 1};
  }
  bool take(link_id number, v1::AgentMessage message) override {
    const std::lock_guard lock{mutex_};
    links_.at(static_cast<std::size_t>(number))
        .taken.push_back(std::move(message));
    changed_.notify_all();
    if (take_answers.empty())
      return true;
    const auto has_room = take_answers.front();
    take_answers.pop_front();
    return has_room;
  }
  void close_link(link_id number) override {
    const std::lock_guard lock{mutex_};
    links_.at(static_cast<std::size_t>(number)).is_open = false;
    changed_.notify_all();
  }

private:
  struct not_set_t {
    template <class Request>
    error operator()(const Request& request) const {
      return {error_code::io_failed,
              "the test gives no answer to " + request.GetTypeName()};
    }
  };
  static constexpr not_set_t not_set{};

  template <class Request, class Reply>
  void give(const answer<Request, Reply>& how, const Request& request,
            reply<Reply> then) {
    auto outcome = how(request);
    {
      const std::lock_guard lock{mutex_};
      if (holding_) {
        held_.push_back([then = std::move(then), outcome = std::move(outcome)] {
          then(outcome);
        });
        changed_.notify_all();
        return;
      }
    }
    then(std::move(outcome));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool holding_ = false;
  std::vector<std::function<void()>> held_;
  std::vector<link> links_;
};

} // namespace skerry::testing
