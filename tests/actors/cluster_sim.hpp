#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::testing {

/// Faults of the world around JOBS and ALLOCATOR that break a promise they
/// build on. The simulation must notice each.
enum class planted : std::uint8_t {
  none,
  answers_before_sync,    ///< What leaves a server is not on disk yet.
  loses_what_it_synced,   ///< A crash takes back the last commit, too.
  same_epoch_again,       ///< A start does not raise the epoch.
  agent_without_fence,    ///< Obeys sessions that have ended.
  agent_without_lease,    ///< Runs on without any server.
  agent_without_journal,  ///< Forgets after a restart what it runs.
  agent_forgets_outcomes, ///< Tells an outcome once.
  agent_repeats_sessions, ///< Two hellos with the same last session.
  torn_commit,            ///< A crash leaves the first of several writes.
  cell_takes_late_awards, ///< What was asked again since is done, too.
  orders_arrive_twice,    ///< And the agent takes the second for another.
  agent_keeps_its_size,   ///< Says that a task has shrunk which has not.
};

inline constexpr std::array planted_names = {
    "none",
    "answers_before_sync",
    "loses_what_it_synced",
    "same_epoch_again",
    "agent_without_fence",
    "agent_without_lease",
    "agent_without_journal",
    "agent_forgets_outcomes",
    "agent_repeats_sessions",
    "torn_commit",
    "cell_takes_late_awards",
    "orders_arrive_twice",
    "agent_keeps_its_size",
};

struct sim_result {
  std::string violation; ///< Empty when all promises were kept.
  std::uint64_t events = 0;
  std::uint64_t crashes = 0;
  std::uint64_t starts = 0; ///< Of tasks, on agents.
  std::uint64_t moves = 0;  ///< Agents that went to another server.
  std::uint64_t reservations = 0;
  std::uint64_t resizes = 0;         ///< That were done.
  std::uint64_t decided_at_once = 0; ///< On the callers' threads.
  std::uint64_t decided_by_message = 0;
  std::int64_t milliseconds = 0; ///< Virtual, until all was quiet again.
};

/// Plays one cluster: servers, agents and users in a hostile world, then in a
/// calm one until everything has converged. Equal seeds play equally.
sim_result simulate_cluster(std::uint64_t seed, planted bug = planted::none,
                            bool trace = false);

} // namespace skerry::testing
