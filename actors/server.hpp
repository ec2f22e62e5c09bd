#pragma once

#include "actors/allocator.hpp"
#include "actors/island_worker.hpp"
#include "actors/jobs.hpp"
#include "actors/league_role.hpp"
#include "actors/learner_worker.hpp"
#include "actors/mesh.hpp"
#include "actors/replay.hpp"
#include "messages/gateway.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace skerry {

struct server_replay_options {
  experience_recorder_options recorder;
  replay_role_options role;
  /// Brings the experience of the other servers here, a batch of each at a
  /// time; 0: stays each where it is.
  std::int64_t gather_milliseconds = 0;
};

struct server_options {
  std::string name;
  std::filesystem::path data_directory;
  std::string api_address; ///< Told to the other servers' users.
  std::string version;
  mesh_options mesh; ///< Name, incarnation and epoch are filled in.
  jobs_options jobs; ///< Likewise.
  allocator_options cell;
  server_islands_options islands;
  /// None: nothing is recorded. The directory is filled in.
  std::optional<server_replay_options> replay = {};
  server_learner_options learner;
  server_league_options league;
  /// Of the policy that `cell` begins with; none for a heuristic.
  std::optional<v1::Policy> configured_policy = {};
  bool with_mesh = true; ///< False for a cluster of one, without a port.
  /// Between looks at the clock by JOBS and ALLOCATOR: a tenth of the shortest
  /// time that either waits for.
  std::int64_t tick_milliseconds = 10;
  /// How long a caller waits for another server's answer.
  std::int64_t question_milliseconds = 2'000;
  /// A caller's own thread decides requests up to this size: for no longer
  /// than that, about a millisecond, has the ALLOCATOR to wait.
  int max_tasks_at_once = 256;
  std::uint64_t min_free_bytes = std::uint64_t{256} << 20;
  bool accept_data_loss = false;
  /// A line for the log: servers that come and go.
  std::function<void(const std::string&)> log;
  /// Called once, when nothing can be acknowledged any more. The state on disk
  /// is good: the process is to end and be started again.
  std::function<void(const error&)> on_failure;
};

/// One server of a cluster: its store, its actors JOBS, ALLOCATOR and ROSTER,
/// and the gateway that the API calls.
class server : public cluster_gateway {
public:
  /// Recovers from the store, then joins the mesh.
  /// @returns What `store::open` and `server_mesh` return, `malformed` for
  ///          records that cannot be read.
  static result<std::unique_ptr<server>> start(server_options options);

  virtual std::uint64_t epoch() const = 0;
  /// Ends all actors; what was acknowledged is on disk.
  virtual void stop() = 0;
};

} // namespace skerry
