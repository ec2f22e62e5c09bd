#include "tests/actors/sim_world.hpp"

#include "tests/actors/sim_agent.hpp"
#include "tests/actors/sim_server.hpp"
#include "tests/actors/sim_users.hpp"

#include <algorithm>

namespace skerry::testing {

namespace {

constexpr std::int64_t trouble_lasts = 12'000;
constexpr std::int64_t calm_lasts = 60'000;

v1::NodeSpec machine(std::size_t number, rng& random) {
  v1::NodeSpec spec;
  spec.set_name(fmt::format("n{}", number));
  const bool large = number == 0 || random.below(2) == 0;
  spec.mutable_capacity()->set_cpu_millicores(large ? 8'000 : 4'000);
  spec.mutable_capacity()->set_memory_bytes(std::int64_t{large ? 32 : 16}
                                            << 30);
  for (int i = 0; large && i < 2; ++i) {
    auto* device = spec.add_devices();
    device->set_kind("gpu");
    device->set_capacity_milli(1000);
  }
  return spec;
}

} // namespace

sim_world::sim_world(std::uint64_t seed, planted fault, bool trace)
    : random{seed}, bug{fault}, trace_{trace}, users_{
                                                   std::make_unique<sim_users>(
                                                       *this)} {
  // Some worlds are mild, so that each kind of fault is seen alone too.
  lost_milli_ = chance(500) ? random.below(200) : 0;
  doubled_milli_ = chance(500) ? random.below(200) : 0;
  late_milli_ = chance(500) ? random.below(100) : 0;
  const auto server_count = 1 + random.below(3);
  const auto agent_count = 2 + random.below(4);
  for (std::size_t i = 0; i < server_count; ++i)
    servers.push_back(std::make_unique<sim_server>(*this, i));
  for (std::size_t i = 0; i < agent_count; ++i)
    agents.push_back(std::make_unique<sim_agent>(*this, i, machine(i, random)));
}

sim_world::~sim_world() = default;

sim_result sim_world::play() {
  try {
    for (const auto& server : servers)
      server->start();
    for (const auto& agent : agents)
      agent->start();
    cause_trouble();
    std::string why;
    std::int64_t look_at = 0;
    while (clock.step()) {
      ++figures.events;
      if (calm && clock.now() >= look_at) {
        look_at = clock.now() + 250;
        if (converged(why))
          break;
        if (clock.now() > trouble_lasts + calm_lasts)
          fail("it has not converged: " + why);
      }
    }
  } catch (const std::exception& broken) {
    figures.violation = broken.what();
  }
  figures.milliseconds = clock.now();
  return figures;
}

bool sim_world::converged(std::string& why) const {
  if (!users_->satisfied(why))
    return false;
  for (const auto& server : servers)
    if (server->cell().state().size() != 0) {
      why = fmt::format("the ledger of {} holds {} tasks", server->name(),
                        server->cell().state().size());
      return false;
    }
  for (const auto& agent : agents)
    if (agent->is_up() && !agent->holds_nothing()) {
      why = fmt::format("{} holds {}", agent->name(), agent->holding());
      return false;
    }
  return true;
}

// -- trouble ------------------------------------------------------------------

void sim_world::cause_trouble() {
  if (clock.now() >= trouble_lasts) {
    calm_down();
    return;
  }
  if (chance(550))
    users_->act();
  else
    one_trouble();
  users_->poll();
  clock.after(between(20, 400), [this] { cause_trouble(); });
}

void sim_world::one_trouble() {
  const auto s = random.below(servers.size());
  const auto a = random.below(agents.size());
  switch (random.below(9)) {
  case 0:
    servers[s]->crash();
    clock.after(chance(300) ? between(2'000, 5'000) : between(10, 1'000),
                [this, s] {
                  if (servers[s]->is_up())
                    return;
                  servers[s]->start();
                  users_->check_kept(s);
                });
    break;
  case 1:
    servers[s]->pause(chance(300) ? between(2'000, 5'000) : between(50, 1'000));
    break;
  case 2: {
    const auto other = random.below(servers.size());
    if (other != s)
      cuts_[std::minmax(s, other)] = clock.now() + between(100, 4'000);
    break;
  }
  case 3:
    agent_cuts_[{a, s}] = clock.now() + between(100, 4'000);
    break;
  case 4:
    agents[a]->wander();
    break;
  case 5:
    agents[a]->kill();
    clock.after(between(10, 3'000), [this, a] { agents[a]->start(); });
    break;
  case 6:
    agents[a]->power_off();
    if (a == 0 || chance(700))
      clock.after(between(10, 4'000), [this, a] { agents[a]->start(); });
    break;
  case 7:
    if (chance(300)) {
      agents[a]->replace();
      clock.after(between(10, 4'000), [this, a] { agents[a]->start(); });
    }
    break;
  default:
    if (!streams_.empty()) {
      auto it = streams_.begin();
      std::advance(it,
                   static_cast<std::ptrdiff_t>(random.below(streams_.size())));
      break_stream(it->first);
    }
  }
}

void sim_world::calm_down() {
  trace("calm");
  calm = true;
  lost_milli_ = doubled_milli_ = late_milli_ = 0;
  cuts_.clear();
  agent_cuts_.clear();
  for (std::size_t s = 0; s < servers.size(); ++s) {
    servers[s]->resume();
    if (!servers[s]->is_up()) {
      servers[s]->start();
      users_->check_kept(s);
    }
  }
  agents[0]->start();
  for (auto time = between(0, 100); time < calm_lasts; time += 1'000)
    clock.after(time, [this, time] { users_->tidy_up(time > 10'000); });
}

// -- wires --------------------------------------------------------------------

std::int64_t sim_world::delay() {
  if (chance(late_milli_))
    return between(100, 4'000);
  return chance(100) ? between(5, 100) : between(0, 4);
}

bool sim_world::is_cut(std::size_t a, std::size_t b) const {
  auto cut = cuts_.find(std::minmax(a, b));
  return cut != cuts_.end() && clock.now() < cut->second;
}

std::size_t sim_world::index_of_server(const std::string& name) const {
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (servers[i]->name() == name)
      return i;
  fail("an envelope goes to nobody: '" + name + "'");
}

void sim_world::send(std::size_t from, std::size_t to,
                     std::function<void()> arrives) {
  if (is_cut(from, to) || chance(lost_milli_))
    return;
  if (chance(doubled_milli_))
    clock.after(delay(), arrives);
  clock.after(delay(), std::move(arrives));
}

std::optional<link_id> sim_world::dial(std::size_t agent, std::size_t server) {
  auto cut = agent_cuts_.find({agent, server});
  if (!servers[server]->is_up()
      || (cut != agent_cuts_.end() && clock.now() < cut->second))
    return std::nullopt;
  const auto link = static_cast<link_id>(next_link_++);
  streams_[link] = {agent, server, servers[server]->incarnation()};
  return link;
}

/// TCP repeats until a cut is over.
std::int64_t sim_world::stream_arrival(const stream& on, std::int64_t last) {
  auto time = clock.now();
  if (auto cut = agent_cuts_.find({on.agent, on.server});
      cut != agent_cuts_.end())
    time = std::max(time, cut->second);
  return std::max(last, time + delay());
}

void sim_world::to_server(link_id link, v1::AgentMessage message) {
  auto found = streams_.find(link);
  if (found == streams_.end() || !found->second.up)
    return;
  auto& on = found->second;
  on.last_up = stream_arrival(on, on.last_up);
  clock.at(on.last_up, [this, link, message = std::move(message)] {
    auto still = streams_.find(link);
    if (still == streams_.end() || !still->second.up)
      return;
    auto& server = *servers[still->second.server];
    if (server.incarnation() == still->second.incarnation)
      server.take(link, message);
  });
}

void sim_world::to_agent(link_id link, v1::ServerMessage message) {
  auto found = streams_.find(link);
  if (found == streams_.end() || !found->second.down)
    return;
  auto& on = found->second;
  on.last_down = stream_arrival(on, on.last_down);
  clock.at(on.last_down, [this, link, message = std::move(message)] {
    auto still = streams_.find(link);
    if (still != streams_.end() && still->second.down)
      agents[still->second.agent]->take(link, message);
  });
}

void sim_world::break_stream(link_id link) {
  auto found = streams_.find(link);
  if (found == streams_.end())
    return;
  const auto on = found->second;
  streams_.erase(found);
  clock.after(delay(), [this, link, on] { agents[on.agent]->closed(link); });
  if (chance(200))
    return; // The server finds out by silence.
  clock.after(delay(), [this, link, on] {
    if (servers[on.server]->incarnation() == on.incarnation)
      servers[on.server]->closed(link);
  });
}

void sim_world::half_close(link_id link) {
  auto found = streams_.find(link);
  if (found == streams_.end())
    return;
  found->second.up = false;
  clock.after(between(0, 3'000), [this, link] { break_stream(link); });
}

void sim_world::break_streams_of_server(std::size_t server) {
  std::vector<link_id> links;
  for (const auto& [link, on] : streams_)
    if (on.server == server)
      links.push_back(link);
  for (const auto link : links) {
    const auto on = streams_.at(link);
    streams_.erase(link);
    // The machine may be gone too: then nothing is heard.
    if (chance(700))
      clock.after(delay(),
                  [this, link, on] { agents[on.agent]->closed(link); });
  }
}

// -- what really runs ---------------------------------------------------------

void sim_world::task_started(const std::string& agent, const std::string& task,
                             std::uint32_t attempt) {
  trace("{} starts {}#{}", agent, task, attempt);
  if (!started_.emplace(task, attempt).second)
    fail(
        fmt::format("{}#{} starts a second time, at {}", task, attempt, agent));
  if (auto other = running_.find(task); other != running_.end())
    fail(fmt::format("{}#{} starts at {} while #{} runs at {}", task, attempt,
                     agent, other->second.first, other->second.second));
  running_[task] = {attempt, agent};
}

void sim_world::task_stopped(const std::string& agent, const std::string& task,
                             std::uint32_t attempt) {
  trace("{} ends {}#{}", agent, task, attempt);
  running_.erase(task);
}

sim_result simulate_cluster(std::uint64_t seed, planted bug, bool trace) {
  return sim_world{seed, bug, trace}.play();
}

} // namespace skerry::testing
