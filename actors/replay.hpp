#pragma once

#include "learning/experience.hpp"
#include "learning/replay_buffer.hpp"
#include "messages/skerry/v1/experience.pb.h"
#include "scheduling/result.hpp"
#include "storage/experience_store.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace skerry {

struct replay_role_options {
  experience_store_options store;
  replay_options ring = {.capacity = 131'072}; ///< Some 40 MB.
  std::uint64_t seed = 1;                      ///< Of the samples.
};

/// @returns `invalid_argument` naming the first option at fault.
result<> validate(const replay_role_options& options);

/// The role REPLAY: the experience of this server and, where it is gathered,
/// of others, in a ring that is sampled and in a database from which the ring
/// is rebuilt.
///
///     ALLOCATOR --record--> waiting --(thread)--> database, ring --> batches
///     others' batches --admit--------------------------^
///
/// A thread of its own writes, so nobody waits for this disk. Experience is
/// dropped, and counted, while that is too far behind. Without a database, for
/// example on a full disk, the ring still is.
///
/// Threads: any.
class replay {
public:
  /// @param listener Called with each experience as it enters the ring, on the
  ///                 thread that writes; may be empty.
  using listener = std::function<void(const experience&)>;
  /// @pre `validate(options)`.
  explicit replay(const replay_role_options& options, listener heard = {});
  /// Writes what waits.
  ~replay();

  /// Takes experience of this server: it will be on disk within a second.
  void record(std::vector<experience> made);

  /// This server's own from `query.from()` on that are still here, or a sample
  /// of all.
  v1::ExperienceBatch answer(const v1::ExperienceQuery& query);

  /// Takes experience of another server, that is: of a stranger. It goes into
  /// the ring alone.
  void admit(const v1::ExperienceBatch& batch);

  /// What an experience is worth looking at.
  void set_priority(std::uint64_t key, double priority);

  /// The figures of its status.
  v1::ReplayStatus status() const;

private:
  void run();
  void open();
  void write(std::vector<experience> made);
  void insert(std::string record, bool is_own);

  struct item {
    std::string record;
    bool is_own = true; ///< And not of another server.
  };

  replay_role_options options_;
  listener heard_;
  std::unique_ptr<experience_store> store_; ///< The thread's alone.

  mutable std::mutex ring_mutex_; ///< Never held together with `mutex_`.
  replay_buffer<item> ring_;
  rng random_;
  v1::ReplayStatus status_; ///< Under `ring_mutex_`.

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<experience> waiting_; ///< Under `mutex_`, as are the next.
  std::uint64_t dropped_ = 0;
  bool closing_ = false;
  std::thread thread_; ///< Last: it sees all of the above.
};

} // namespace skerry
