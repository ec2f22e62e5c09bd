#include "tests/actors/sim_agent.hpp"

#include "messages/convert.hpp"
#include "tests/actors/sim_server.hpp"

#include <algorithm>

namespace skerry::testing {

sim_agent::sim_agent(sim_world& world, std::size_t number, v1::NodeSpec spec)
    : world_{world}, number_{number}, spec_{std::move(spec)},
      id_{world.random.bits() | 1} {}

/// Not when the process has been killed since.
void sim_agent::later(std::int64_t milliseconds, std::function<void()> what) {
  world_.clock.after(milliseconds,
                     [this, life = life_, what = std::move(what)] {
                       if (life == life_)
                         what();
                     });
}

void sim_agent::start() {
  if (up_)
    return;
  world_.trace("{} starts", name());
  has_power_ = true;
  up_ = true;
  server_ = world_.random.below(world_.servers.size());
  // As the agent does: what it had taken but not begun never arrived, for it
  // cannot know whether it still may. The server orders it again, if it is
  // still wanted, when the next hello does not name it.
  std::erase_if(held_, [this](const auto& entry) {
    const auto& [key, held] = entry;
    if (held.started || held.outcome)
      return false;
    had_[key.first] = key.second - 1;
    return true;
  });
  connect();
  beat();
}

void sim_agent::kill() {
  if (!up_)
    return;
  world_.trace("{} is killed", name());
  up_ = false;
  ++life_;
  session_ = 0;
  if (link_)
    world_.break_stream(*link_);
  link_.reset();
  if (world_.bug == planted::agent_without_journal)
    std::erase_if(held_, [](const auto& entry) {
      return entry.second.runs; // They run on, and nobody knows.
    });
}

void sim_agent::power_off() {
  kill();
  world_.trace("{} has no power", name());
  has_power_ = false;
  end_all("its machine has lost power", false);
}

void sim_agent::replace() {
  power_off();
  held_.clear();
  had_.clear();
  id_ = world_.random.bits() | 1;
  last_session_ = 0;
  was_replaced_ = true;
  world_.trace("{} is a new machine", name());
}

void sim_agent::wander() {
  if (!up_ || !link_)
    return;
  ++world_.figures.moves;
  // Late words of the old server can still be read.
  world_.half_close(*link_);
  leave();
}

std::string sim_agent::holding() const {
  std::string out;
  for (const auto& [key, held] : held_)
    out += fmt::format("{}#{}{} ", key.first, key.second,
                       held.outcome ? " ended" : "");
  return out;
}

// -- the stream ---------------------------------------------------------------

void sim_agent::leave() {
  link_.reset();
  session_ = 0;
  server_ = (server_ + 1) % world_.servers.size();
  later(world_.between(0, 100), [this] { connect(); });
}

v1::Hello sim_agent::hello() {
  v1::Hello hello;
  *hello.mutable_node() = spec_;
  hello.set_agent_id(id_);
  hello.set_last_session(last_session_);
  if (world_.bug != planted::agent_repeats_sessions)
    ++last_session_; // A server may have given that number, unheard.
  hello.set_schema(1);
  for (const auto& [key, held] : held_) {
    auto* to = hello.add_tasks();
    *to->mutable_order() = held.order;
    to->set_started(held.started);
    if (held.outcome)
      *to->mutable_outcome() = *held.outcome;
  }
  return hello;
}

void sim_agent::connect() {
  if (!up_ || link_)
    return;
  link_ = world_.dial(number_, server_);
  if (!link_) {
    leave();
    return;
  }
  hello_at_ = world_.clock.now();
  answered_at_ = hello_at_;
  v1::AgentMessage message;
  *message.add_hellos() = hello();
  world_.trace("{} says hello to s{}, last session {}, holds {}", name(),
               server_, last_session_, holding());
  world_.to_server(*link_, std::move(message));
}

void sim_agent::beat() {
  if (link_) {
    const auto silent = world_.clock.now() - answered_at_;
    if (silent > 4 * sim_heartbeat) {
      wander();
    } else if (session_ != 0) {
      v1::AgentMessage message;
      message.add_keep_alives()->set_sent_milliseconds(world_.clock.now());
      for (const auto& [key, held] : held_)
        if (held.outcome && world_.bug != planted::agent_forgets_outcomes
            && world_.chance(300))
          *message.add_reports() = report_on(key);
      world_.to_server(*link_, std::move(message));
    }
  }
  later(sim_heartbeat, [this] { beat(); });
}

void sim_agent::closed(link_id link) {
  if (!link_ || *link_ != link)
    return;
  if (world_.chance(500))
    server_ = (server_ + world_.servers.size() - 1) % world_.servers.size();
  else
    ++world_.figures.moves;
  leave();
}

void sim_agent::take(link_id link, const v1::ServerMessage& message) {
  if (!up_)
    return;
  if (link_ && *link_ == link) {
    answered_at_ = world_.clock.now();
    if (message.has_keep_alive())
      renew(message.keep_alive().sent_milliseconds() + sim_lease);
    for (const auto& refused : message.refused()) {
      world_.trace("{} is refused: {}", name(), refused.message());
      last_session_ = std::max(last_session_, refused.last_session());
      world_.break_stream(*link_);
      leave();
      return;
    }
    for (const auto& welcome : message.welcomes())
      take_welcome(welcome);
  }
  for (const auto& order : message.starts()) {
    take_start(order);
    if (world_.bug == planted::orders_arrive_twice)
      later(world_.between(0, 100), [this, order] { take_start(order); });
  }
  for (const auto& order : message.stops())
    take_stop(order);
  for (const auto& order : message.resizes())
    take_resize(order);
  for (const auto& ack : message.acknowledges())
    if (auto held = held_.find({ack.task(), ack.attempt()});
        held != held_.end() && held->second.outcome)
      held_.erase(held);
}

void sim_agent::take_welcome(const v1::Welcome& welcome) {
  world_.trace("{} is welcome at {}, session {}", name(), welcome.server(),
               welcome.session());
  session_ = welcome.session();
  epoch_ = welcome.epoch();
  last_session_ = std::max(last_session_, session_);
  renew(hello_at_ + sim_lease);
  for (const auto& [key, held] : held_)
    if (held.started || held.outcome)
      say(report_on(key)); // What came since the hello, or with it.
}

// -- orders -------------------------------------------------------------------

namespace {

/// Of what runs; the shares of devices that are taken as a whole are theirs.
struct machine_use {
  resources amounts;
  std::map<std::uint32_t, std::int64_t> device_milli;

  void add(const v1::StartOrder& order) {
    amounts = *plus(amounts, from_proto(order.demand()));
    for (int i = 0; i < order.devices_size(); ++i) {
      const auto share = order.device_shares_milli(i);
      device_milli[order.devices(i)] += share == 0 ? 1000 : share;
    }
  }
  bool fits(const v1::NodeSpec& spec) const {
    for (const auto& [device, milli] : device_milli)
      if (milli > 1000
          || device >= static_cast<std::uint32_t>(spec.devices_size()))
        return false;
    return amounts.fits_in(from_proto(spec.capacity()));
  }
};

} // namespace

std::optional<error> sim_agent::fault_of(const v1::StartOrder& order) const {
  machine_use use;
  for (const auto& [key, held] : held_)
    if (!held.outcome)
      use.add(held.order);
  use.add(order);
  if (!use.fits(spec_))
    return error{error_code::insufficient, "the machine has not enough"};
  return std::nullopt;
}

void sim_agent::take_start(const v1::StartOrder& order) {
  const bool current
      = session_ != 0 && order.session() == session_ && order.epoch() == epoch_;
  if (!current && world_.bug != planted::agent_without_fence) {
    world_.trace("{} refuses {}#{} of session {}", name(), order.task(),
                 order.attempt(), order.session());
    return;
  }
  const task_key key{order.task(), order.attempt()};
  const bool takes_all = world_.bug == planted::orders_arrive_twice;
  if (held_.contains(key) && !takes_all)
    return;
  v1::TaskReport report;
  report.set_node(name());
  report.set_session(session_);
  report.set_task(order.task());
  report.set_attempt(order.attempt());
  auto& had = had_[order.task()];
  if (had >= order.attempt() && !takes_all) {
    world_.trace("{} has had {}#{}", name(), order.task(), order.attempt());
    report.mutable_refused()->set_code(static_cast<int>(error_code::conflict));
    report.mutable_refused()->set_message("it has been here before");
    say(std::move(report));
    return;
  }
  had = order.attempt();
  if (auto fault = fault_of(order)) {
    // The ledger had it fit, so this is a fault of the server.
    world_.fail(fmt::format("{} is to run {}#{} beyond what it has, beside {}",
                            name(), order.task(), order.attempt(), holding()));
  }
  world_.trace("{} takes {}#{}", name(), order.task(), order.attempt());
  auto& taken = held_[key];
  taken.order = order;
  taken.serial = next_serial_++;
  world_.clock.after(world_.between(0, 30), [this, key, serial = taken.serial] {
    auto held = held_.find(key);
    if (up_ && held != held_.end() && held->second.serial == serial)
      run(key);
  });
}

void sim_agent::run(const task_key& key) {
  auto& held = held_.at(key);
  held.serial = next_serial_++;
  held.runs = true;
  held.started = true;
  world_.task_started(name(), key.first, key.second);
  ++world_.figures.starts;
  const auto& work = held.order.work().simulated();
  say(report_on(key));
  world_.clock.after(
      work.duration_milliseconds(),
      [this, key, serial = held.serial, code = work.exit_code()] {
        auto still = held_.find(key);
        if (still == held_.end() || still->second.serial != serial)
          return;
        end(key, code == 0, code == 0 ? "" : "exit code");
      });
}

void sim_agent::take_stop(const v1::StopOrder& order) {
  if (session_ == 0
      || (order.session() != session_
          && world_.bug != planted::agent_without_fence))
    return;
  const task_key key{order.task(), order.attempt()};
  auto held = held_.find(key);
  if (held == held_.end()) {
    // It never came; should it come late, it is not started.
    auto& had = had_[order.task()];
    had = std::max(had, order.attempt());
    v1::TaskReport report;
    report.set_node(name());
    report.set_session(session_);
    report.set_task(order.task());
    report.set_attempt(order.attempt());
    report.mutable_ended()->set_reason("it is not here");
    say(std::move(report));
    return;
  }
  if (held->second.outcome) {
    say(report_on(key));
    return;
  }
  // A process takes a while to end.
  world_.clock.after(
      world_.between(0, 100), [this, key, serial = held->second.serial] {
        auto still = held_.find(key);
        if (still != held_.end() && still->second.serial == serial)
          end(key, false, "stopped");
      });
}

void sim_agent::take_resize(const v1::ResizeOrder& order) {
  const task_key key{order.task(), order.attempt()};
  auto held = held_.find(key);
  if (session_ == 0 || order.session() != session_ || held == held_.end()
      || held->second.outcome)
    return;
  auto report = report_on(key);
  if (world_.chance(200)) {
    auto* refused = report.mutable_refused();
    refused->set_code(static_cast<int>(error_code::insufficient));
    refused->set_message("the kernel refuses it");
    refused->set_was_resize(true);
  } else {
    const auto had = from_proto(held->second.order.demand());
    if (world_.bug != planted::agent_keeps_its_size
        || had.fits_in(from_proto(order.demand())))
      *held->second.order.mutable_demand() = order.demand();
    machine_use use;
    for (const auto& [each, other] : held_)
      if (!other.outcome)
        use.add(other.order);
    if (!use.fits(spec_))
      world_.fail(fmt::format("{} is to grow {} beyond what it has", name(),
                              order.task()));
    *report.mutable_resized() = order.demand();
  }
  say(std::move(report));
}

std::optional<v1::Resources>
sim_agent::demand_of(const std::string& task) const {
  for (auto held = held_.lower_bound({task, 0});
       held != held_.end() && held->first.first == task; ++held)
    if (held->second.runs)
      return held->second.order.demand();
  return std::nullopt;
}

// -- tasks --------------------------------------------------------------------

void sim_agent::end(const task_key& key, bool succeeded, std::string reason) {
  auto& held = held_.at(key);
  if (held.outcome)
    return;
  if (held.runs)
    world_.task_stopped(name(), key.first, key.second);
  held.runs = false;
  held.serial = next_serial_++;
  auto& outcome = held.outcome.emplace();
  outcome.set_succeeded(succeeded);
  outcome.set_exit_code(succeeded ? 0 : 1);
  outcome.set_reason(std::move(reason));
  if (!up_)
    return;
  say(report_on(key));
  if (world_.bug == planted::agent_forgets_outcomes)
    held_.erase(key);
}

void sim_agent::end_all(const std::string& reason, bool lease) {
  std::vector<task_key> keys;
  for (const auto& [key, held] : held_)
    if (!held.outcome && !(lease && held.order.work().keep_on_disconnect()))
      keys.push_back(key);
  for (const auto& key : keys)
    end(key, false, reason);
}

void sim_agent::renew(std::int64_t until) {
  if (until <= lease_until_)
    return;
  lease_until_ = until;
  world_.clock.at(until, [this] { check_lease(); });
}

void sim_agent::check_lease() {
  if (world_.clock.now() < lease_until_
      || world_.bug == planted::agent_without_lease)
    return;
  end_all("its lease has run out", true);
}

v1::TaskReport sim_agent::report_on(const task_key& key) const {
  const auto& held = held_.at(key);
  v1::TaskReport report;
  report.set_node(name());
  report.set_session(session_);
  report.set_task(key.first);
  report.set_attempt(key.second);
  if (held.outcome)
    *report.mutable_ended() = *held.outcome;
  else
    report.mutable_started()->set_unix_milliseconds(1);
  return report;
}

void sim_agent::say(v1::TaskReport report) {
  if (!up_ || !link_ || session_ == 0)
    return;
  v1::AgentMessage message;
  *message.add_reports() = std::move(report);
  world_.to_server(*link_, std::move(message));
}

} // namespace skerry::testing
