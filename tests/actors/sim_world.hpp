#pragma once

#include "actors/allocator.hpp"
#include "actors/jobs.hpp"
#include "scheduling/rng.hpp"
#include "tests/actors/cluster_sim.hpp"
#include "tests/actors/sim_clock.hpp"

#include <fmt/core.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace skerry::testing {

/// A promise was broken.
struct violation : std::runtime_error {
  using runtime_error::runtime_error;
};

class sim_agent;
class sim_server;
class sim_users;

/// Time, chance, wires and the books of what really runs.
class sim_world {
public:
  sim_world(std::uint64_t seed, planted fault, bool trace);
  ~sim_world();

  sim_result play();

  sim_clock clock;
  rng random;
  planted bug;
  sim_result figures;
  bool calm = false; ///< No more faults.
  std::vector<std::unique_ptr<sim_server>> servers;
  std::vector<std::unique_ptr<sim_agent>> agents;

  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least
           + static_cast<std::int64_t>(
               random.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  /// @param milli Times in a thousand.
  bool chance(std::uint64_t milli) { return random.below(1000) < milli; }

  template <class... Args>
  void trace(fmt::format_string<Args...> text, Args&&... args) const {
    if (trace_)
      fmt::print(stderr, "{:8} {}\n", clock.now(),
                 fmt::format(text, std::forward<Args>(args)...));
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw violation{fmt::format("at {} ms: {}", clock.now(), why)};
  }

  // -- between servers: lost, doubled, late, out of order ---------------------

  void send(std::size_t from, std::size_t to, std::function<void()> arrives);
  bool is_cut(std::size_t a, std::size_t b) const;
  bool is_server(const std::string& name) const;
  std::size_t index_of_server(const std::string& name) const;

  // -- streams: in order, until they break -----------------------------------

  /// @returns The new stream, or nothing when nobody listens.
  std::optional<link_id> dial(std::size_t agent, std::size_t server);
  void to_server(link_id link, v1::AgentMessage message);
  void to_agent(link_id link, v1::ServerMessage message);
  /// What is in flight is lost; each side hears of it some time later.
  void break_stream(link_id link);
  /// The agent reads on, but says no more: as after a partition.
  void half_close(link_id link);
  void break_streams_of_server(std::size_t server);

  // -- what really runs -------------------------------------------------------

  void task_started(const std::string& agent, const std::string& task,
                    std::uint32_t attempt);
  void task_stopped(const std::string& agent, const std::string& task,
                    std::uint32_t attempt);

private:
  struct stream {
    std::size_t agent = 0;
    std::size_t server = 0;
    std::uint64_t incarnation = 0; ///< Of the server.
    bool up = true;                ///< To the server.
    bool down = true;              ///< To the agent.
    std::int64_t last_up = 0;
    std::int64_t last_down = 0;
  };

  std::int64_t delay();
  std::int64_t stream_arrival(const stream& on, std::int64_t last);
  void cause_trouble();
  void one_trouble();
  void calm_down();
  bool converged(std::string& why) const;

  bool trace_;
  std::uint64_t lost_milli_ = 0;
  std::uint64_t doubled_milli_ = 0;
  std::uint64_t late_milli_ = 0;
  std::map<link_id, stream> streams_;
  std::uint64_t next_link_ = 1;
  /// Until when servers, or an agent and a server, do not hear each other.
  std::map<std::pair<std::size_t, std::size_t>, std::int64_t> cuts_;
  std::map<std::pair<std::size_t, std::size_t>, std::int64_t> agent_cuts_;
  std::unique_ptr<sim_users> users_;
  std::set<std::pair<std::string, std::uint32_t>> started_;
  std::map<std::string, std::pair<std::uint32_t, std::string>> running_;
};

/// How the servers are set up: everything ten times as quick as in life.
inline constexpr std::int64_t sim_lease = 2'000;
inline constexpr std::int64_t sim_margin = 400;
inline constexpr std::int64_t sim_heartbeat = 150;

} // namespace skerry::testing
