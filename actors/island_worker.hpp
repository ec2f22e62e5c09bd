#pragma once

#include "actors/island_host.hpp"
#include "messages/skerry/v1/cluster.pb.h"
#include "scheduling/weighted_scorer.hpp"
#include "simulation/cell_objective.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace skerry {

/// The islands of a server.
struct server_islands_options {
  std::uint32_t count = 0; ///< 0: none. One thread each.
  /// Of one core, for each island; above 0, at most 1.
  double cpu_share = 0.25;
  /// Run only when nobody else wants to. Without it a full machine shares.
  bool when_idle = true;
  std::vector<optimiser_options> optimisers = {}; ///< Go round; or CMA-ES.
  migration_policy migration = {};
  topology exchange = {};
  std::uint32_t scenarios = 4;
  std::uint64_t seed = 1;
  /// What to train on when the cell is not known, and beside it: traces.
  /// Empty: a synthetic cluster.
  std::vector<placement_picture> base = {};
  bool from_cell = true; ///< Train on the cell's nodes and recent tasks.
  /// Between two looks at the cell; the first come sooner. A new look costs a
  /// few hundred rollouts, as champions are judged anew.
  std::int64_t refresh_milliseconds = 600'000;
  std::int64_t checkpoint_milliseconds = 30'000; ///< What a crash costs.
};

/// @returns `invalid_argument` naming the field.
result<> validate(const server_islands_options& options);

/// How the islands of a server are, for all threads.
class island_board {
public:
  void show(v1::IslandStatus status);
  /// By number; those that have shown nothing yet are left out.
  std::vector<v1::IslandStatus> all() const;

private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, v1::IslandStatus> of_;
};

struct island_worker_options {
  std::string server;
  std::string version; ///< For the provenance of policies.
  std::uint32_t number = 0;
  server_islands_options islands;
  std::filesystem::path checkpoint;           ///< Its file; empty: none.
  std::vector<placement_weights> starts = {}; ///< With their names.
  std::vector<std::string> start_names = {};
  std::shared_ptr<island_board> board;
  /// Once it is true the worker only ends.
  std::shared_ptr<const std::atomic<bool>> stop;
  /// While it is true the worker does nothing.
  std::shared_ptr<const std::atomic<bool>> frozen = {};
  /// Asks for `set_cell` to be called.
  std::function<void()> look_at_cell = {};
  std::function<void(const std::string&)> log = {};
};

/// An island at work: on a thread of its own, of the lowest priority, in slices
/// within a budget of CPU time; its checkpoints, and what it tells of itself.
///
/// Threads: one, whose priority it lowers.
class island_worker {
public:
  explicit island_worker(island_worker_options options);

  /// One slice, some milliseconds. The first one also makes the island.
  /// @returns How long to pause then, in milliseconds.
  std::int64_t work(instant now, outbox& out);
  void take(const mesh::v1::Envelope& envelope, instant now, outbox& out);
  void set_islands(std::map<std::string, std::uint32_t> by_server);
  /// What the cell is like now.
  void set_cell(placement_picture cell);
  /// The last checkpoint. Nothing comes after it.
  void finish(instant now);

private:
  void begin(instant now);
  result<island_goal> goal_of(const placement_picture* cell) const;
  void resume();
  void keep(instant now);
  void show();
  void log(const std::string& line) const;
  v1::Policy policy(const v1::IslandStatus& status) const;

  island_worker_options options_;
  std::unique_ptr<island_host> host_; ///< None before the first slice.
  std::map<std::string, std::uint32_t> islands_;
  std::int64_t looks_at_ = 0;   ///< When the cell is looked at next.
  std::int64_t look_pause_ = 0; ///< Before the one after.
  std::int64_t keep_at_ = 0;
  std::uint64_t kept_generation_ = 0;
  bool keep_failed_ = false;
  double cpu_at_start_ = 0;
};

} // namespace skerry
