#pragma once

#include "learning/experience.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {

/// Experiences as a trainer takes them: float32, row by row. Decisions with
/// fewer candidates than `width` are padded with zeros, which nothing reads.
struct training_batch {
  std::size_t size = 0;
  std::size_t width = 0; ///< Candidates of the decision that has most.

  std::vector<float> states;        ///< `[size, state_inputs]`
  std::vector<float> candidates;    ///< `[size, width, candidate_inputs]`
  std::vector<std::int64_t> counts; ///< `[size]` of candidates, above 0
  std::vector<std::int64_t> chosen; ///< `[size]`, below the count
  std::vector<float> rewards;       ///< `[size]`, of n steps
  std::vector<float> discounts;     ///< `[size]`, 0 at the end
  std::vector<float> next_states;   ///< `[size, state_inputs]`
  std::vector<float> importance;    ///< `[size]`, of the sampling
  /// `[size]` 1 where the choice is to be imitated whatever came of it: an
  /// elite's. Else 0: it is worth what it brought.
  std::vector<float> imitate;
};

/// One of a batch.
struct batch_item {
  const experience* of = nullptr;
  float importance = 1;
  bool imitate = false;
};

/// @pre Each experience is valid.
training_batch batch_of(const std::vector<batch_item>& items);

} // namespace skerry
