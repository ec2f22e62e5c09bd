#include "agent/agent.hpp"

#include "agent/core.hpp"
#include "agent/exec_driver.hpp"
#include "agent/journal.hpp"
#include "agent/lease_file.hpp"
#include "agent/proc.hpp"
#include "agent/recovery.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>

namespace skerry {

namespace {

//   link (2 threads) --up, message, down--+
//                                         v
//   driver (thread) --events--> inputs -> core -> step: 1 journal, synced
//     ^                                                 2 lease, driver, link
//     +-------------------- commands -------------------+

constexpr std::int64_t tick_milliseconds = 100;
/// Messages of a server that may wait; then it is read no further.
constexpr std::size_t max_inputs = 1024;
/// How long a Goodbye may take to go out.
constexpr std::int64_t flush_milliseconds = 2'000;

struct link_up {
  std::uint64_t stream = 0;
  std::string server;
};
struct link_message {
  std::uint64_t stream = 0;
  v1::ServerMessage message;
};
struct link_down {
  std::uint64_t stream = 0;
  std::string why;
};
using input
    = std::variant<link_up, link_message, link_down, std::vector<driver_event>>;

std::uint64_t random_number() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

agent_instant now() {
  return {boot_milliseconds(), unix_milliseconds()};
}

class running_agent final : public agent {
public:
  running_agent(agent_options options, std::unique_ptr<agent_journal> journal,
                lease_file lease, append_log starts)
      : options_{std::move(options)}, journal_{std::move(journal)},
        lease_{std::move(lease)}, starts_{std::move(starts)},
        simulated_{options_.simulation} {}

  ~running_agent() override { stop(); }

  result<> begin(const agent_memory& memory);

  void stop() override {
    {
      const std::lock_guard hold{mutex_};
      stopping_ = true;
    }
    wake_.notify_all();
    space_.notify_all();
    if (thread_.joinable())
      thread_.join();
    link_.reset();
    exec_.reset();
  }

  void leave(std::int64_t milliseconds) override {
    {
      std::unique_lock hold{mutex_};
      leaving_ = true;
      wake_.notify_all();
      left_.wait_for(hold, std::chrono::milliseconds{milliseconds},
                     [this] { return has_left_ || failure_; });
    }
    if (link_ != nullptr)
      link_->flush(flush_milliseconds);
    stop();
  }

  std::optional<error> wait(std::int64_t milliseconds) override {
    std::unique_lock hold{mutex_};
    left_.wait_for(hold, std::chrono::milliseconds{milliseconds},
                   [this] { return failure_.has_value(); });
    return failure_;
  }

  agent_status status() const override {
    const std::lock_guard hold{mutex_};
    return status_;
  }

  std::string enforcement() const override {
    if (options_.simulated)
      return "simulated";
    return exec_ == nullptr
               ? ""
               : fmt::format("{} ({})", to_string(exec_->rung()), exec_->why());
  }

private:
  void put(input in) {
    std::unique_lock hold{mutex_};
    // The driver never waits: it must hear of stops.
    if (std::holds_alternative<link_message>(in))
      space_.wait(hold,
                  [this] { return stopping_ || inputs_.size() < max_inputs; });
    inputs_.push_back(std::move(in));
    hold.unlock();
    wake_.notify_all();
  }

  void say(const std::string& line) const {
    if (options_.log)
      options_.log(line);
  }

  void start_link();
  void run();
  void take(input& in, agent_instant at, agent_step& out);
  bool carry_out(agent_step& step, agent_instant at);
  bool work(std::deque<input> inputs);
  bool goes(agent_step& step);
  void publish();
  void fail(const error& why);

  agent_options options_;
  std::unique_ptr<agent_journal> journal_;
  lease_file lease_;
  append_log starts_;
  simulated_driver simulated_;
  std::unique_ptr<exec_driver> exec_;
  std::unique_ptr<agent_link> link_;
  std::optional<agent_core> core_;
  std::uint64_t stream_ = 0;
  std::string server_;
  std::int64_t next_tick_ = 0;
  std::uint64_t starts_count_ = 0;
  bool leave_begun_ = false;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable space_;
  std::condition_variable left_;
  std::deque<input> inputs_;
  agent_status status_;
  std::optional<error> failure_;
  bool stopping_ = false;
  bool leaving_ = false;
  bool has_left_ = false;
  std::thread thread_;
};

// -- beginning ----------------------------------------------------------------

result<> running_agent::begin(const agent_memory& memory) {
  agent_step step;
  agent_core_options core{.nodes = options_.nodes,
                          .simulated = options_.simulated,
                          .lease_until_milliseconds = lease_.read()};
  auto recovered = agent_core::recover(std::move(core), memory, step);
  if (!recovered)
    return recovered.failure();
  core_.emplace(*std::move(recovered));
  if (auto written = journal_->compact(unfold(memory)); !written)
    return written;
  if (!options_.simulated) {
    exec_driver_options exec{
        .directory = options_.data_directory,
        .supervisor = options_.supervisor,
        .user = options_.user,
        .groups
        = {.name = fmt::format("skerry-{:016x}", memory.identity.agent_id()),
           .best = options_.best_rung},
        .device_ids = options_.device_ids,
        .usage_milliseconds = options_.usage_milliseconds};
    for (const auto& device : options_.nodes.front().devices())
      exec.device_kinds.push_back(device.kind().empty() ? "gpu"
                                                        : device.kind());
    auto started = exec_driver::start(
        std::move(exec), [this](auto events) { put(std::move(events)); });
    if (!started)
      return started.failure();
    exec_ = *std::move(started);
  }
  (void)simulated_.advance(now()); // So that it knows the time; it is empty.
  // What runs is known before the first Hello.
  if (!carry_out(step, now()))
    return failure_.value_or(error{error_code::io_failed, "no journal"});
  if (exec_ != nullptr)
    exec_->settle();
  if (!work(std::exchange(inputs_, {})))
    return failure_.value_or(error{error_code::io_failed, "no journal"});
  start_link();
  thread_ = std::thread{[this] { run(); }};
  return done{};
}

void running_agent::start_link() {
  link_options link{.servers = options_.servers,
                    .dial = options_.dial,
                    .hint = options_.connect_hint,
                    .in_process = options_.in_process_channels,
                    .connect_milliseconds = options_.connect_milliseconds,
                    .seed
                    = options_.seed == 0 ? random_number() : options_.seed};
  link.longest_wait_milliseconds = std::max(options_.longest_wait_milliseconds,
                                            link.shortest_wait_milliseconds);
  link_ = agent_link::start(
      std::move(link),
      {.up =
           [this](std::uint64_t stream, const std::string& server) {
             put(link_up{stream, server});
           },
       .message =
           [this](std::uint64_t stream, v1::ServerMessage message) {
             put(link_message{stream, std::move(message)});
           },
       .down =
           [this](std::uint64_t stream, const std::string& why) {
             put(link_down{stream, why});
           },
       .failed =
           [this](const std::string& server, const std::string& why) {
             say(fmt::format("server_unreachable server={} reason=\"{}\"",
                             server, why));
           }});
}

// -- the loop -----------------------------------------------------------------

void running_agent::run() {
  for (;;) {
    std::deque<input> inputs;
    {
      std::unique_lock hold{mutex_};
      const auto due = std::min(next_tick_, simulated_.next_milliseconds());
      const auto left = std::clamp<std::int64_t>(due - boot_milliseconds(), 0,
                                                 tick_milliseconds);
      wake_.wait_for(hold, std::chrono::milliseconds{left},
                     [this] { return stopping_ || !inputs_.empty(); });
      if (stopping_)
        return;
      inputs = std::exchange(inputs_, {});
    }
    space_.notify_all();
    if (!work(std::move(inputs)))
      return;
    publish();
  }
}

bool running_agent::work(std::deque<input> inputs) {
  const auto at = now();
  agent_step step;
  bool says_goodbye = false;
  for (auto& each : inputs)
    take(each, at, step);
  for (const auto& event : simulated_.advance(at))
    core_->take(event, at, step);
  if (at.boot_milliseconds >= next_tick_) {
    next_tick_ = at.boot_milliseconds + tick_milliseconds;
    core_->tick(at, step);
    says_goodbye = goes(step);
  }
  if (!carry_out(step, at))
    return false;
  if (journal_->wants_compaction())
    if (auto written = journal_->compact(unfold(core_->memory())); !written) {
      fail(written.failure());
      return false;
    }
  if (says_goodbye) { // It is on its way.
    const std::lock_guard hold{mutex_};
    has_left_ = true;
    left_.notify_all();
  }
  return true;
}

/// @returns whether the Goodbye is in this step.
bool running_agent::goes(agent_step& step) {
  bool wants = false;
  {
    const std::lock_guard hold{mutex_};
    wants = leaving_ && !has_left_;
  }
  if (!wants)
    return false;
  if (!std::exchange(leave_begun_, true))
    core_->leave(step);
  if (!core_->idle())
    return false;
  core_->say_goodbye(step);
  return true;
}

void running_agent::take(input& in, agent_instant at, agent_step& out) {
  if (auto* up = std::get_if<link_up>(&in)) {
    stream_ = up->stream;
    server_ = up->server;
    say(fmt::format("server_connected server={}", server_));
    core_->connected(at, out);
  } else if (auto* down = std::get_if<link_down>(&in)) {
    if (down->stream != stream_)
      return;
    say(fmt::format("server_lost server={} reason=\"{}\"", server_, down->why));
    stream_ = 0;
    server_.clear();
    core_->disconnected();
  } else if (auto* message = std::get_if<link_message>(&in)) {
    if (message->stream == stream_)
      core_->take(message->message, at, out);
  } else {
    for (const auto& event : std::get<std::vector<driver_event>>(in))
      core_->take(event, at, out);
  }
}

/// @returns false when the journal has failed: nothing of the step is done
/// then.
bool running_agent::carry_out(agent_step& step, agent_instant at) {
  for (const auto& note : step.notes)
    say(note);
  if (auto written = journal_->append(std::move(step.records)); !written) {
    fail(written.failure());
    return false;
  }
  if (auto written = lease_.write(core_->lease_until()); !written) {
    fail(written.failure()); // Its tasks would be stopped by mistake.
    return false;
  }
  for (auto& command : step.commands) {
    starts_count_ += std::holds_alternative<begin_task>(command) ? 1 : 0;
    if (exec_ == nullptr) {
      simulated_.take(std::move(command));
      continue;
    }
    // A real node pretends as well, when a task asks for it.
    const auto simulated = [](const v1::StartOrder& order) {
      return order.work().has_simulated();
    };
    const bool here = std::visit(
        [&](const auto& each) {
          using command_type = std::decay_t<decltype(each)>;
          if constexpr (
              std::is_same_v<
                  command_type,
                  begin_task> || std::is_same_v<command_type, adopt_task>)
            return simulated(each.order);
          else if constexpr (std::is_same_v<command_type, v1::LogsOrder>)
            return false;
          else
            return simulated_.has(each.key);
        },
        command);
    if (here)
      simulated_.take(std::move(command));
    else
      exec_->take(std::move(command));
  }
  for (auto& message : step.messages)
    if (link_ != nullptr && stream_ != 0)
      link_->send(stream_, std::move(message));
  if (step.reconnect && link_ != nullptr)
    link_->drop(stream_);
  // What starts and stops at once is told at once. Its lines come after its
  // records, so that a crash in between never leaves two lines of one start.
  agent_step next;
  for (const auto& event : simulated_.advance(at))
    core_->take(event, at, next);
  const auto lines = simulated_.take_log();
  const bool more = !next.records.empty() || !next.commands.empty()
                    || !next.messages.empty();
  const bool done_all = !more || carry_out(next, at);
  if (done_all)
    starts_.append(lines);
  return done_all;
}

void running_agent::publish() {
  const std::lock_guard hold{mutex_};
  if (status_.attached != core_->attached())
    say(fmt::format("nodes_attached server={} nodes={} of={}", server_,
                    core_->attached(), core_->nodes()));
  status_ = {.server = server_,
             .nodes = core_->nodes(),
             .attached = core_->attached(),
             .live_tasks = core_->live_tasks(),
             .held_tasks = core_->held_tasks(),
             .starts = starts_count_};
}

void running_agent::fail(const error& why) {
  say(fmt::format("agent_failed reason=\"{}\"", why.message));
  const std::lock_guard hold{mutex_};
  failure_ = why;
  left_.notify_all();
}

result<> check(const agent_options& options) {
  if (options.servers.empty() || !options.dial)
    return {error_code::invalid_argument, "the agent has no server"};
  if (options.nodes.empty())
    return {error_code::invalid_argument, "the agent has no node"};
  if (!options.simulated && options.nodes.size() != 1)
    return {error_code::invalid_argument,
            "an agent that runs processes is one node"};
  if (!(options.simulation.time_scale > 0))
    return {error_code::invalid_argument, "the time scale is not above 0"};
  return done{};
}

} // namespace

result<std::unique_ptr<agent>> agent::start(agent_options options) {
  if (auto ok = check(options); !ok)
    return ok.failure();
  std::error_code failed;
  options.data_directory
      = std::filesystem::absolute(options.data_directory, failed);
  auto opened = agent_journal::open(options.data_directory);
  if (!opened)
    return opened.failure();
  if (opened->torn_bytes > 0 && options.log)
    options.log(fmt::format("journal_shortened bytes={}", opened->torn_bytes));
  auto memory = fold(opened->records);
  const auto boot = boot_id();
  const bool rebooted
      = !memory.identity.boot_id().empty() && memory.identity.boot_id() != boot;
  if (rebooted && !options.simulated)
    end_all(memory, "its machine was restarted", unix_milliseconds());
  if (memory.identity.agent_id() == 0)
    memory.identity.set_agent_id(random_number() | 1);
  memory.identity.set_boot_id(boot);
  auto lease = lease_file::open(options.data_directory / "lease", rebooted);
  if (!lease)
    return lease.failure();
  auto starts = append_log::open(options.data_directory / "starts.log");
  if (!starts)
    return starts.failure();
  auto out = std::make_unique<running_agent>(
      std::move(options), std::move(opened->journal), *std::move(lease),
      *std::move(starts));
  if (auto begun = out->begin(memory); !begun)
    return begun.failure();
  return std::unique_ptr<agent>{std::move(out)};
}

} // namespace skerry
