#include "learning/replay_sampler.hpp"

#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace skerry {
namespace {

constexpr double smallest_priority = 1e-6;
constexpr double largest_priority = 1e6;
/// Twice as many as a server of 128 GB could hold of the smallest items.
constexpr std::size_t largest_capacity = std::size_t{1} << 30;

} // namespace

result<> validate(const replay_options& options) {
  const auto wrong = [](std::string_view what) {
    return error{error_code::invalid_argument, fmt::format("replay: {}", what)};
  };
  if (options.capacity == 0 || options.capacity > largest_capacity)
    return wrong(fmt::format("a capacity of {} items is not within 1 and {}",
                             options.capacity, largest_capacity));
  if (options.fewest > options.capacity)
    return wrong("`fewest` is above the capacity, so nothing would be sampled");
  if (!(options.samples_per_insert >= 0 && options.samples_per_insert <= 1e6))
    return wrong("samples per insert are not within 0 and 1000000");
  if (!(options.priority_exponent >= 0 && options.priority_exponent <= 1))
    return wrong("the exponent of priorities is not within 0 and 1");
  return done{};
}

replay_sampler::replay_sampler(const replay_options& options)
    : options_{options}, masses_{options.capacity}, largest_{1} {
  SKERRY_ASSERT(validate(options));
}

std::uint64_t replay_sampler::oldest() const {
  return inserted_ - std::min<std::uint64_t>(inserted_, options_.capacity);
}

std::size_t replay_sampler::size() const {
  return static_cast<std::size_t>(inserted_ - oldest());
}

bool replay_sampler::holds(std::uint64_t key) const {
  return key >= oldest() && key < inserted_;
}

std::uint64_t replay_sampler::insert() {
  const auto key = inserted_++;
  masses_.set(slot_of(key), largest_);
  const auto most
      = options_.samples_per_insert * static_cast<double>(options_.capacity);
  credit_ = std::min(credit_ + options_.samples_per_insert, most);
  return key;
}

std::uint64_t replay_sampler::allowance() const {
  if (size() < std::max<std::size_t>(options_.fewest, 1))
    return 0;
  if (options_.samples_per_insert == 0)
    return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(credit_);
}

result<> replay_sampler::spend(std::size_t samples) {
  const auto allowed = allowance();
  if (allowed < samples)
    return {error_code::insufficient,
            fmt::format("replay: {} samples are asked for, {} may be taken of "
                        "{} experiences now",
                        samples, allowed, size())};
  sampled_ += samples;
  if (options_.samples_per_insert > 0)
    credit_ -= static_cast<double>(samples);
  return done{};
}

result<> replay_sampler::sample_evenly(std::span<replay_pick> out,
                                       rng& random) {
  if (auto spent = spend(out.size()); !spent)
    return spent;
  const auto count = size();
  const auto first = oldest();
  const auto probability = 1 / static_cast<double>(count);
  for (auto& pick : out)
    pick = {first + random.below(count), probability, 1};
  return done{};
}

result<> replay_sampler::sample_by_priority(std::span<replay_pick> out,
                                            double exponent, rng& random) {
  if (auto spent = spend(out.size()); !spent)
    return spent;
  const auto total = masses_.total();
  const auto stratum = total / static_cast<double>(out.size());
  // The newest item of a slot: slots begin at 0, the oldest key need not.
  const auto first = oldest();
  const auto first_slot = slot_of(first);
  double least = 1;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto at = (static_cast<double>(i) + random.uniform()) * stratum;
    const auto slot = masses_.find(std::min(at, total));
    const auto behind = slot >= first_slot
                            ? slot - first_slot
                            : slot + options_.capacity - first_slot;
    out[i] = {first + behind, masses_.mass(slot) / total, 1};
    least = std::min(least, out[i].probability);
  }
  if (exponent == 0)
    return done{};
  for (auto& pick : out) // (count p)^-e / (count least)^-e
    pick.weight
        = static_cast<float>(std::pow(least / pick.probability, exponent));
  return done{};
}

bool replay_sampler::set_priority(std::uint64_t key, double priority) {
  if (!holds(key))
    return false;
  const auto taken
      = std::isnan(priority)
            ? largest_priority
            : std::clamp(priority, smallest_priority, largest_priority);
  const auto mass = std::pow(taken, options_.priority_exponent);
  largest_ = std::max(largest_, mass);
  masses_.set(slot_of(key), mass);
  return true;
}

} // namespace skerry
