#include "scheduling/lifetime_model.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

/// A tail that is halved whenever the time doubles has no mean: it is cut off.
constexpr double longest_guess = 8;

} // namespace

lifetime_model::lifetime_model(std::vector<observed_lifetime> observed) {
  // Who ends at a time is still there until then.
  std::ranges::sort(observed, {}, [](const observed_lifetime& each) {
    return std::pair{each.run_milliseconds, !each.ended};
  });
  double survival = 1;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    const auto at
        = std::max(static_cast<double>(observed[i].run_milliseconds), 1.0);
    longest_ = at;
    if (!observed[i].ended)
      continue;
    ++ended_;
    survival *= 1 - 1 / static_cast<double>(observed.size() - i);
    if (!steps_.empty() && steps_.back().milliseconds == at)
      steps_.back().survival = survival;
    else
      steps_.push_back({at, survival});
  }
}

double lifetime_model::survival(double milliseconds) const {
  const auto next
      = std::ranges::upper_bound(steps_, milliseconds, {}, &step::milliseconds);
  const auto known = next == steps_.begin() ? 1 : std::prev(next)->survival;
  return milliseconds > longest_ ? known * longest_ / milliseconds : known;
}

std::int64_t lifetime_model::quantile(double part,
                                      std::int64_t elapsed_milliseconds) const {
  const auto elapsed = std::max(static_cast<double>(elapsed_milliseconds), 0.0);
  const auto left = survival(elapsed) * (1 - part);
  const auto ends
      = [](double at) { return std::max<std::int64_t>(std::llround(at), 1); };
  // Where all have ended by `elapsed` nothing is known of who goes on.
  const auto from = std::max(longest_, elapsed);
  if (!(left > 0))
    return ends(from * std::min(1 / (1 - part), longest_guess));
  const auto found
      = std::ranges::partition_point(steps_, [&](const step& each) {
          return each.milliseconds <= elapsed || each.survival >= left;
        });
  if (found != steps_.end())
    return ends(found->milliseconds);
  return ends(from * std::min(survival(from) / left, longest_guess));
}

} // namespace skerry
