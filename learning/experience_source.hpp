#pragma once

#include "learning/replay_buffer.hpp"
#include "learning/training_batch.hpp"
#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace skerry {

/// Where a learner's batches come from.
class experience_source {
public:
  virtual ~experience_source() = default;

  /// @returns `insufficient` until more has been recorded.
  virtual result<training_batch> draw(std::size_t size) = 0;

  /// What the last batch was worth looking at, in its order.
  virtual void judge(std::span<const float> errors) = 0;
};

/// The last experience of a process, in memory: one thread records, another
/// learns, and neither waits for longer than a batch is copied.
class experience_ring final : public experience_source {
public:
  /// @pre `validate(options)`.
  experience_ring(const replay_options& options, std::uint64_t seed)
      : ring_{options}, random_{seed} {}

  /// @param imitate Whether the choice is an elite's.
  /// @returns What `validate` returns: what is not valid is not taken.
  result<> insert(experience recorded, bool imitate = false);

  result<training_batch> draw(std::size_t size) override;
  void judge(std::span<const float> errors) override;

  std::size_t size() const;
  std::uint64_t inserted() const;

private:
  struct entry {
    experience recorded;
    bool imitate = false;
  };

  mutable std::mutex mutex_;
  replay_buffer<entry> ring_;
  rng random_;
  std::vector<replay_pick> picks_; ///< Of the last batch.
};

} // namespace skerry
