#pragma once

#include "actors/league_role.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace skerry {

struct league_judge_options {
  server_league_options league;
  /// Asks for the cell's history, which comes by `league_judge::show`.
  std::function<void()> look_at_cell;
  /// Begins a round, or says that there is nothing to judge.
  std::function<std::optional<league_role::round>(cell_history)> begin;
  std::function<void(const std::vector<shadow_series>&,
                     const std::string& record, double cpu_seconds)>
      end;
  std::function<void(const std::string&)> trouble;
  std::shared_ptr<const std::atomic<bool>> stop;
};

/// Judges the policies of a league, in slices within a budget of CPU time, on a
/// thread of its own of the lowest priority. Nobody waits for it: when it
/// hangs, the last ruling stands.
///
/// Threads: one, but for `show`.
class league_judge {
public:
  explicit league_judge(league_judge_options options)
      : options_{std::move(options)} {}

  /// A policy in an episode, some 20 ms.
  /// @returns How long to pause then, in milliseconds.
  std::int64_t work(instant now);
  /// From any thread.
  void show(cell_history history);

private:
  void begin(cell_history history);
  std::int64_t wait_for_history(instant now);
  std::optional<cell_history> take_shown();

  league_judge_options options_;
  std::mutex mutex_;
  std::optional<cell_history> shown_; ///< Under `mutex_`.
  std::unique_ptr<shadow_evaluation> judging_;
  std::string record_;
  bool lowered_ = false; ///< The thread's priority.
  bool looking_ = false;
  std::int64_t next_round_at_ = 0;
  std::int64_t look_again_at_ = 0;
};

} // namespace skerry
