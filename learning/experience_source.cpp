#include "learning/experience_source.hpp"

#include <algorithm>
#include <utility>

namespace skerry {
namespace {

/// Of the importance weights: halfway to undoing the priorities.
/// @source Schaul et al., 2016, who begin at 0.4 and end at 1.
constexpr double importance_exponent = 0.5;

} // namespace

result<> experience_ring::insert(experience recorded, bool imitate) {
  if (auto ok = validate(recorded); !ok)
    return ok;
  const std::lock_guard lock{mutex_};
  (void)ring_.insert({std::move(recorded), imitate}); // Found by its picks.
  return done{};
}

result<training_batch> experience_ring::draw(std::size_t size) {
  const std::lock_guard lock{mutex_};
  picks_.resize(size);
  if (auto sampled
      = ring_.sample_by_priority(picks_, importance_exponent, random_);
      !sampled) {
    picks_.clear();
    return sampled.failure();
  }
  std::vector<batch_item> items;
  for (const auto& pick : picks_) {
    const auto& drawn = *ring_.find(pick.key);
    items.push_back({&drawn.recorded, pick.weight, drawn.imitate});
  }
  return batch_of(items);
}

void experience_ring::judge(std::span<const float> errors) {
  const std::lock_guard lock{mutex_};
  const auto judged = std::min(errors.size(), picks_.size());
  for (std::size_t i = 0; i < judged; ++i)
    ring_.set_priority(picks_[i].key, static_cast<double>(errors[i]));
}

std::size_t experience_ring::size() const {
  const std::lock_guard lock{mutex_};
  return ring_.sampler().size();
}

std::uint64_t experience_ring::inserted() const {
  const std::lock_guard lock{mutex_};
  return ring_.sampler().inserted();
}

} // namespace skerry
