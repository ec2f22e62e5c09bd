#pragma once

#include "actors/server.hpp"
#include "tests/free_port.hpp"
#include "tests/fresh_directory.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

// Whole servers in one process: their actors, their mesh over loopback, their
// stores. Agents are stood in for at the gateway.

namespace skerry::testing {

using namespace std::chrono_literals;

inline constexpr auto patience = 20s;

/// Starts what it is told to and ends it at once.
class eager_agent final : public agent_sink,
                          public std::enable_shared_from_this<eager_agent> {
public:
  static std::shared_ptr<eager_agent> attach(server& to, std::string node,
                                             bool pretends = false) {
    auto made = std::make_shared<eager_agent>();
    made->server_ = &to;
    made->link_ = to.open_link(made);
    v1::AgentMessage message;
    auto* hello = message.add_hellos();
    hello->set_schema(1);
    hello->set_agent_id(7);
    hello->mutable_node()->set_name(std::move(node));
    hello->mutable_node()->mutable_capacity()->set_cpu_millicores(8'000);
    hello->mutable_node()->mutable_capacity()->set_memory_bytes(1 << 30);
    if (pretends)
      (*hello->mutable_node()->mutable_labels())["skerry.simulated"] = "true";
    to.take(made->link_, std::move(message));
    return made;
  }

  void send(v1::ServerMessage message) override {
    v1::AgentMessage answer;
    {
      const std::lock_guard lock{mutex_};
      for (const auto& welcome : message.welcomes())
        session_ = welcome.session();
      for (const auto& order : message.starts()) {
        ++starts_;
        auto* report = answer.add_reports();
        report->set_node(order.node());
        report->set_session(session_);
        report->set_task(order.task());
        report->set_attempt(order.attempt());
        report->mutable_ended()->set_succeeded(true);
      }
      acknowledged_ += message.acknowledges_size();
    }
    changed_.notify_all();
    if (answer.reports_size() > 0)
      server_->take(link_, std::move(answer));
  }
  void close() override {}

  bool wait_for_acknowledged(int many) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience,
                             [&] { return acknowledged_ >= many; });
  }
  int starts() {
    const std::lock_guard lock{mutex_};
    return starts_;
  }

private:
  server* server_ = nullptr;
  link_id link_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t session_ = 0;
  int starts_ = 0;
  int acknowledged_ = 0;
};

template <class Request, class Reply>
result<Reply> call(server& at,
                   void (cluster_gateway::*what)(Request,
                                                 cluster_gateway::reply<Reply>),
                   Request request) {
  auto promised = std::make_shared<std::promise<result<Reply>>>();
  auto future = promised->get_future();
  (at.*what)(std::move(request),
             [promised](result<Reply> reply) { promised->set_value(reply); });
  if (future.wait_for(patience) != std::future_status::ready)
    return error{error_code::io_failed, "the gateway did not answer"};
  return future.get();
}

inline std::unique_ptr<server>
start(const std::string& name, const fresh_directory& place,
      const std::string& address, std::vector<std::string> seeds,
      std::function<void(const error&)> on_failure = {},
      server_islands_options islands = {}) {
  server_options options;
  options.name = name;
  options.data_directory = place.path() / name;
  options.mesh.listen = address;
  options.mesh.seeds = std::move(seeds);
  options.min_free_bytes = 0;
  options.on_failure = std::move(on_failure);
  options.islands = std::move(islands);
  auto made = server::start(std::move(options));
  if (!made)
    MESSAGE(made.failure().message);
  REQUIRE(made);
  return std::move(*made);
}

inline v1::SubmitRequest job_of(const std::string& id, std::uint32_t tasks) {
  v1::SubmitRequest request;
  auto* job = request.add_jobs();
  job->set_id(id);
  auto* group = job->add_groups();
  group->set_count(tasks);
  group->mutable_profile()->mutable_demand()->set_cpu_millicores(100);
  group->mutable_profile()->mutable_demand()->set_memory_bytes(1 << 20);
  group->mutable_work()->mutable_simulated()->set_duration_milliseconds(1);
  return request;
}

inline std::size_t reachable_servers(server& at) {
  const auto reply = call(at, &cluster_gateway::servers, v1::ServersRequest{});
  REQUIRE(reply);
  std::size_t count = 0;
  for (const auto& status : reply->servers())
    count += status.reachable() ? 1 : 0;
  return count;
}

template <class Condition>
void wait_until(Condition holds) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    std::this_thread::sleep_for(1ms);
  }
}

inline void wait_for_servers(server& at, std::size_t many) {
  wait_until([&] { return reachable_servers(at) == many; });
}

/// Two servers that have found each other.
struct server_pair {
  fresh_directory place;
  std::string a_at = free_address();
  std::unique_ptr<server> a = start("a", place, a_at, {});
  std::unique_ptr<server> b = start("b", place, free_address(), {a_at});

  server_pair() {
    wait_for_servers(*a, 2);
    wait_for_servers(*b, 2);
  }
};

} // namespace skerry::testing
