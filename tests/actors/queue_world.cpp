#include "tests/actors/queue_world.hpp"

#include <fmt/core.h>

#include <deque>
#include <utility>

#include <doctest/doctest.h>

namespace skerry::testing {

namespace {

constexpr std::int64_t tick_milliseconds = 1'000;

void check_sound(const result<>& sound) {
  REQUIRE_MESSAGE(sound, (sound ? "" : sound.failure().message));
}

} // namespace

queue_world::queue_world(const jobs_options& how, std::size_t servers) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < servers; ++i)
    names.push_back(fmt::format("s{}", i));
  for (const auto& name : names) {
    auto own = how;
    own.server = name;
    own.epoch = 1;
    servers_.push_back(
        {name, std::make_unique<jobs>(own),
         std::move(*allocator::make({.server = name, .epoch = 1}))});
  }
  for (std::size_t i = 0; i < servers; ++i) {
    auto others = names;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    servers_[i].owned->set_peers(others);
    outbox out;
    servers_[i].cell->set_peers(others, others, out);
    deliver(std::move(out), i);
  }
  tick();
}

std::size_t queue_world::index_of(const std::string& server) const {
  for (std::size_t i = 0; i < servers_.size(); ++i)
    if (servers_[i].name == server)
      return i;
  FAIL("there is no server ", server);
  return 0;
}

void queue_world::add_node(const std::string& name, std::int64_t cores,
                           std::int64_t gibibytes, std::size_t server) {
  nodes_.push_back({name, server, 0});
  v1::AgentMessage message;
  auto* hello = message.add_hellos();
  hello->mutable_node()->set_name(name);
  hello->mutable_node()->mutable_capacity()->set_cpu_millicores(cores * 1000);
  hello->mutable_node()->mutable_capacity()->set_memory_bytes(gibibytes << 30);
  hello->set_agent_id(nodes_.size());
  hello->set_schema(1);
  tell(nodes_.size() - 1, std::move(message));
  tick();
}

void queue_world::tell(std::size_t node, v1::AgentMessage message) {
  const auto server = nodes_[node].server;
  outbox out;
  servers_[server].cell->take(message, link_id{node + 1}, time(), out);
  deliver(std::move(out), server);
}

void queue_world::with_jobs(
    std::size_t server,
    const std::function<void(jobs&, instant, outbox&)>& use) {
  outbox out;
  use(*servers_[server].owned, time(), out);
  deliver(std::move(out), server);
}

std::optional<error> queue_world::submit(const v1::Job& job,
                                         std::size_t server) {
  std::optional<error> refused;
  v1::SubmitRequest request;
  *request.add_jobs() = job;
  with_jobs(server, [&](jobs& owned, instant now, outbox& out) {
    owned.submit(
        request, now,
        [&](const auto& reply) {
          if (!reply)
            refused = reply.failure();
        },
        out);
  });
  return refused;
}

void queue_world::cancel(const std::string& job, std::size_t server) {
  v1::CancelJobRequest request;
  request.set_id(job);
  with_jobs(server, [&](jobs& owned, instant now, outbox& out) {
    REQUIRE(owned.cancel(request, now, out));
  });
}

/// In order, also what comes of what is delivered.
void queue_world::deliver(outbox first, std::size_t from) {
  std::deque<std::pair<std::size_t, outbox>> all;
  all.emplace_back(from, std::move(first));
  for (; !all.empty(); all.pop_front()) {
    auto& [sender, out] = all.front();
    for (auto& reply : out.replies)
      reply();
    for (auto& envelope : out.envelopes) {
      if (envelope.role() == mesh::v1::Envelope::NOBODY)
        continue;
      envelope.set_from(servers_[sender].name);
      const auto to = index_of(envelope.to());
      outbox next;
      if (envelope.role() == mesh::v1::Envelope::JOBS)
        servers_[to].owned->take(envelope, time(), next);
      else
        servers_[to].cell->take(envelope, time(), next);
      all.emplace_back(to, std::move(next));
    }
    for (const auto& [link, message] : out.to_agents)
      order(static_cast<std::size_t>(link) - 1, message);
  }
  for (const auto& each : servers_) {
    const auto tenants = each.owned->tenants();
    for (const auto& one : tenants.tenants()) {
      const auto over = [](std::int64_t held, std::int64_t quota) {
        return quota > 0 && held > quota;
      };
      quota_was_exceeded
          |= over(one.held().cpu_millicores(), one.quota().cpu_millicores())
             || over(one.held().memory_bytes(), one.quota().memory_bytes());
    }
  }
}

void queue_world::order(std::size_t node, const v1::ServerMessage& message) {
  for (const auto& welcome : message.welcomes())
    nodes_[node].session = welcome.session();
  for (const auto& start : message.starts()) {
    running_[start.task()] = start;
    on_start(start.task());
    events_.emplace(now_, [this, node, start] {
      v1::AgentMessage news;
      auto* report = news.add_reports();
      report->set_node(nodes_[node].name);
      report->set_session(nodes_[node].session);
      report->set_task(start.task());
      report->set_attempt(start.attempt());
      report->mutable_started()->set_unix_milliseconds(now_);
      tell(node, std::move(news));
    });
    events_.emplace(now_ + start.work().simulated().duration_milliseconds(),
                    [this, node, start] {
                      end(node, start,
                          start.work().simulated().exit_code() == 0);
                    });
  }
  for (const auto& stop : message.stops())
    events_.emplace(now_, [this, node, task = stop.task()] {
      if (auto found = running_.find(task); found != running_.end())
        end(node, v1::StartOrder{found->second}, false);
    });
}

void queue_world::end(std::size_t node, const v1::StartOrder& order,
                      bool succeeded) {
  auto found = running_.find(order.task());
  if (found == running_.end() || found->second.attempt() != order.attempt())
    return; // It was stopped before.
  running_.erase(found);
  on_end(order.task());
  v1::AgentMessage news;
  auto* report = news.add_reports();
  report->set_node(nodes_[node].name);
  report->set_session(nodes_[node].session);
  report->set_task(order.task());
  report->set_attempt(order.attempt());
  report->mutable_ended()->set_succeeded(succeeded);
  tell(node, std::move(news));
}

void queue_world::tick() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    v1::AgentMessage alive;
    alive.add_keep_alives();
    tell(i, std::move(alive));
  }
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    outbox cell;
    servers_[i].cell->tick(time(), cell);
    deliver(std::move(cell), i);
    outbox owned;
    servers_[i].owned->tick(time(), owned);
    deliver(std::move(owned), i);
    check_sound(servers_[i].owned->check_invariants());
    check_sound(servers_[i].cell->check_invariants());
  }
}

void queue_world::run_until(std::int64_t milliseconds) {
  while (now_ < milliseconds) {
    const auto next_tick = (now_ / tick_milliseconds + 1) * tick_milliseconds;
    while (!events_.empty() && events_.begin()->first < next_tick) {
      now_ = std::max(now_, events_.begin()->first);
      auto happens = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      happens();
    }
    now_ = next_tick;
    tick();
  }
}

v1::TaskStatus queue_world::task(const std::string& id,
                                 std::size_t server) const {
  const auto status = servers_[server].owned->task_status(id);
  REQUIRE(status);
  return status->tasks(0);
}

v1::Job work_of(const std::string& id, std::uint32_t tasks,
                std::int64_t milliseconds, const std::string& tenant,
                int priority) {
  v1::Job job;
  job.set_id(id);
  auto* group = job.add_groups();
  group->set_count(tasks);
  auto& profile = *group->mutable_profile();
  profile.mutable_demand()->set_cpu_millicores(1'000);
  profile.mutable_demand()->set_memory_bytes(1 << 30);
  profile.set_tenant(tenant);
  profile.set_priority(priority);
  group->mutable_work()->mutable_simulated()->set_duration_milliseconds(
      milliseconds);
  return job;
}

} // namespace skerry::testing
