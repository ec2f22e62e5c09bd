#pragma once

#include "actors/outbox.hpp"
#include "learning/learner.hpp"
#include "messages/skerry/v1/cluster.pb.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace skerry {

/// The learner of a server.
struct server_learner_options {
  bool on = false;
  double cpu_share = 0.25; ///< Of one core; above 0, at most 1.
  /// Run only when nobody else wants to. Without it a full machine shares.
  bool when_idle = true;
  learner_options learning = {};
  replay_options replay = {}; ///< Of what it draws from.
  /// Between checkpoints: what a crash costs.
  std::int64_t checkpoint_milliseconds = 10'000;
  std::filesystem::path module_file = {}; ///< Empty: beside the program.
};

/// @returns `invalid_argument` naming the field.
result<> validate(const server_learner_options& options);

/// How the learner of a server is, for all threads.
class learner_board {
public:
  void show(v1::LearnerStatus status);
  /// Nothing before the first slice.
  std::optional<v1::LearnerStatus> status() const;

private:
  mutable std::mutex mutex_;
  std::optional<v1::LearnerStatus> status_;
};

/// Weights for others to try, and the hash that names them.
struct published_weights {
  network_weights weights;
  std::string id;
};

struct learner_worker_options {
  std::string server;
  std::string version; ///< For the provenance.
  server_learner_options learner;
  std::filesystem::path checkpoint; ///< Its file; empty: none.
  std::shared_ptr<experience_source> from;
  std::shared_ptr<learner_board> board;
  /// Once it is true the worker only ends.
  std::shared_ptr<const std::atomic<bool>> stop;
  std::function<void(const published_weights&)> publish = {};
  std::function<void(const std::string&)> log = {};
};

/// LEARNER: a learner at work, on a thread of its own of the lowest priority,
/// in slices within a budget of CPU time.
///
///     of all reachable servers with a learner
///       the one of the smallest name trains; at each checkpoint its weights go
///         to its disk and to the others
///       the others keep the weights of most steps, and wait
///
/// So whoever has to take over goes on from the last checkpoint, without a
/// vote. Where servers do not see each other, each side trains; when they meet
/// again, more steps win.
///
/// Threads: one, whose priority it lowers.
class learner_worker {
public:
  explicit learner_worker(learner_worker_options options);

  /// One slice, some milliseconds.
  /// @returns How long to pause then, in milliseconds.
  std::int64_t work(instant now, outbox& out);
  void take(const mesh::v1::Envelope& envelope, instant now, outbox& out);
  /// Reachable servers with a learner, this one too.
  void set_learners(std::set<std::string> servers);
  /// The last checkpoint. Nothing comes after it.
  void finish(instant now);

  bool is_active() const;
  /// Steps of the weights that it holds.
  std::uint64_t steps() const;

private:
  void begin();
  void resume();
  bool become_active();
  void become_standby(instant now, outbox& out);
  void train(instant now, outbox& out);
  void keep(instant now);
  void share(outbox& out) const;
  void publish();
  network_weights current() const;
  void show();
  void fail(const std::string& why);
  void log(const std::string& line) const;

  learner_worker_options options_;
  std::set<std::string> servers_;
  std::optional<network_weights> kept_; ///< The best that is known.
  std::optional<learner> learner_;      ///< While this one trains.
  bool begun_ = false;
  bool starved_ = false; ///< Of experience.
  std::int64_t keep_at_ = 0;
  std::uint64_t kept_steps_ = 0; ///< On disk.
  std::uint64_t steps_here_ = 0; ///< Of trainings before this one.
  std::uint64_t rollbacks_ = 0;  ///< Likewise.
  std::uint64_t published_ = 0;
  std::uint64_t resumed_ = 0; ///< Steps at which this one went on.
  std::string published_id_;
  std::int64_t checkpointed_at_ = 0;
  std::int64_t retry_at_ = 0; ///< After a failure.
  std::string trouble_;
  double cpu_at_start_ = 0;
};

} // namespace skerry
