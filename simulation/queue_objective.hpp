#pragma once

#include "evolution/problem.hpp"
#include "scheduling/backfill.hpp"
#include "scheduling/queue_scorer.hpp"
#include "scheduling/result.hpp"
#include "simulation/lublin.hpp"
#include "simulation/swf_estimates.hpp"
#include "simulation/swf_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

struct queue_objective_options {
  std::int64_t processors = 256; ///< Of the machine.
  backfilling backfill = backfilling::easy;
  swf_estimates estimates = swf_estimates::exact;
  /// Jobs of a window; windows start on an empty machine, so short ones see
  /// little of a long queue.
  std::size_t window_jobs = 1024;
  /// Windows that a cost is the mean over. More make it smoother and dearer.
  std::uint32_t windows = 4;
  /// Share of the windows made by the Lublin model instead of cut from the
  /// logs; 1 without a log.
  double synthetic_share = 1;
  /// Gaps of the model are multiplied by a factor drawn from this range: 0.8 is
  /// the load of Lublin-1.
  double least_gap_factor = 0.65;
  double most_gap_factor = 0.95;
};

/// @returns `invalid_argument` naming all faults.
result<> validate(const queue_objective_options& options);

/// A priority function for batch queues, to be minimised: the mean bounded
/// slowdown that its weights give on random training windows. The genes are
/// `queue_weights`, in their order.
class queue_objective final : public problem {
public:
  /// @param training Parts of logs that may be trained on; windows are cut from
  ///                 any of them, in proportion to its length.
  /// @pre Valid options; no job wider than the machine; every part has at least
  ///      `window_jobs` jobs.
  queue_objective(const queue_objective_options& options,
                  std::vector<std::vector<swf_job>> training);

  const search_space& space() const override { return space_; }

  /// @cost About 5 ms a window of 1024 jobs.
  double cost(std::span<const double> genes,
              std::uint64_t scenario) const override;

private:
  std::vector<swf_job> draw_window(rng& random) const;

  queue_objective_options options_;
  std::vector<std::vector<swf_job>> training_;
  search_space space_;
};

} // namespace skerry
