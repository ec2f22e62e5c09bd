#pragma once

#include "scheduling/queue_order.hpp"
#include "scheduling/rng.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {

/// P(run time | request, class), learned from jobs that have ended.
///
/// Keeps the ratios run / requested of the latest jobs, by class: requests of
/// about the same length, since users err differently on short and long jobs. A
/// draw is one of these ratios times the request; for a job that has been
/// running, one among those that it can still end with. Where users are exact
/// every ratio is 1, and so is every draw.
///
/// @source Tsafrir, Etsion and Feitelson, "Backfilling using system-generated
///         predictions rather than user runtime estimates", TPDS 2007, for
///         predicting at all; empirical quantiles instead of a mean, because a
///         plan on means loses to a fixed rule where estimates are poor.
class run_time_model {
public:
  void learn(const queued_job& job, std::int64_t run_seconds);

  /// @param elapsed_seconds That the job has been running; 0 when it waits.
  /// @returns The run time from its start: at least 1 and at least what has
  ///          elapsed. The request itself as long as nothing has been learned;
  ///          for a job that has outrun all before it up to twice what has
  ///          elapsed.
  /// @cost    O(log n) for n ratios kept.
  std::int64_t draw(const queued_job& job, std::int64_t elapsed_seconds,
                    rng& random) const;

private:
  /// The latest ratios, and the same sorted.
  class ratios {
  public:
    void add(double ratio);
    std::size_t size() const { return sorted_.size(); }
    const std::vector<double>& sorted() const { return sorted_; }

  private:
    std::vector<double> latest_; ///< A ring.
    std::size_t oldest_ = 0;
    std::vector<double> sorted_;
  };

  /// Requests of up to 4, 16, 64, ... seconds.
  static constexpr std::size_t classes = 16;
  static std::size_t class_of(const queued_job& job);

  ratios all_;
  std::array<ratios, classes> by_class_;
};

} // namespace skerry
