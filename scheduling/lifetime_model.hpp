#pragma once

#include "scheduling/rng.hpp"

#include <cstdint>
#include <vector>

namespace skerry {

/// How long a task has run, and whether it has ended.
struct observed_lifetime {
  std::int64_t run_milliseconds = 0;
  bool ended = false;
};

/// P(run time | has run so far), learned from tasks of which some still run.
///
/// To count only those that have ended would make all look short, the more so
/// the younger the record; those that still run say that they last at least so
/// long. Beyond the longest run that is known, the share of tasks that go on is
/// halved whenever the time doubles, which is what run times of computers do in
/// the absence of better knowledge.
///
/// @source Kaplan and Meier, "Nonparametric estimation from incomplete
///         observations", JASA 1958; for the tail Harchol-Balter and Downey,
///         "Exploiting process lifetime distributions for dynamic load
///         balancing", TOCS 1997.
class lifetime_model {
public:
  lifetime_model() = default;
  /// @cost O(n log n).
  explicit lifetime_model(std::vector<observed_lifetime> observed);

  std::size_t ended() const { return ended_; }

  /// The share of tasks that run for longer; 1 at 0.
  double survival(double milliseconds) const;
  /// @param part Of the tasks that have run for so long, in [0, 1).
  /// @returns What they have ended by, at least 1; at most eight times what is
  ///          known or has elapsed.
  std::int64_t quantile(double part, std::int64_t elapsed_milliseconds) const;
  std::int64_t draw(std::int64_t elapsed_milliseconds, rng& random) const {
    return quantile(random.uniform(), elapsed_milliseconds);
  }

private:
  struct step {
    double milliseconds;
    double survival; ///< From here on.
  };

  std::vector<step> steps_; ///< Where tasks have ended, ascending.
  double longest_ = 1;      ///< That is known, ended or not, in ms.
  std::size_t ended_ = 0;
};

} // namespace skerry
