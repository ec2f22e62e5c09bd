#pragma once

#include "scheduling/queue_order.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// A job of the queue that has started and not ended.
struct running_job {
  queued_job job;
  std::int64_t start_seconds = 0;
};

/// What a queue knows when its next job, the head, is to be chosen.
struct queue_state {
  std::int64_t now_seconds = 0;
  std::int64_t processors = 0; ///< Of the machine.
  std::int64_t free_processors = 0;
  std::span<const queued_job> waiting;  ///< Not empty; in order of submission.
  std::span<const running_job> running; ///< In order of starting.
};

/// Chooses heads. A policy may remember: it is told of every submission and of
/// every end, in the order in which they happen, and of nothing before it
/// happens.
class queue_policy {
public:
  queue_policy() = default;
  queue_policy(const queue_policy&) = delete;
  queue_policy& operator=(const queue_policy&) = delete;
  virtual ~queue_policy() = default;

  /// @returns The head's position in `state.waiting`.
  virtual std::size_t choose(const queue_state& state) = 0;

  virtual void submitted(const queued_job& job);
  /// @param run_seconds From its start to its end, at least 1.
  virtual void ended(const queued_job& job, std::int64_t run_seconds);
};

/// Goes by a fixed order; ties by `submitted_before`.
class order_policy final : public queue_policy {
public:
  explicit order_policy(queue_order order) : order_{order} {}

  /// @cost O(waiting jobs).
  std::size_t choose(const queue_state& state) override;

private:
  queue_order order_;
};

} // namespace skerry
