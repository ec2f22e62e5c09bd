#include "learning/experience.hpp"

#include "scheduling/fnv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

namespace skerry {
namespace {

/// False for NaN, too.
bool within(float value, float low, float high) {
  return value >= low && value <= high;
}

bool features_are_sound(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) {
    return within(value, -max_feature, max_feature);
  });
}

result<> wrong(std::string_view field) {
  return {error_code::invalid_argument,
          fmt::format("experience: {} is out of its range", field)};
}

} // namespace

std::uint64_t experience_schema() {
  static const auto schema = [] {
    fnv1a hash;
    for (const auto& [name, meaning] : state_feature_table())
      hash.text(name).text(meaning);
    for (const auto& row : reward_term_table())
      hash.text(row.name).text(row.meaning);
    return hash.text(fmt::format("{:016x}", placement_feature_schema()))
        .value();
  }();
  return schema;
}

result<> validate(const experience& of) {
  if (of.candidates.empty() || of.candidates.size() > max_candidates)
    return wrong("the number of candidates");
  if (of.chosen >= of.candidates.size())
    return wrong("the index of the chosen");
  if (!features_are_sound(of.state) || !features_are_sound(of.next_state))
    return wrong("a feature of a state");
  if (!std::ranges::all_of(of.candidates, features_are_sound))
    return wrong("a feature of a candidate");
  if (!within(of.propensity, 1e-6F, 1))
    return wrong("the propensity");
  if (static_cast<std::size_t>(of.of) >= task_classes)
    return wrong("the class of the task");
  if (!std::ranges::all_of(of.terms,
                           [](float term) { return within(term, -1, 1); }))
    return wrong("a term of the reward");
  if (!within(of.reward, -max_reward, max_reward))
    return wrong("the reward");
  if (of.steps == 0 || of.steps > max_steps)
    return wrong("the number of steps");
  if (!within(of.discount, 0, 1))
    return wrong("the discount");
  constexpr float longest = 1e10F; // Three hundred years.
  if (of.outcome
      && (!within(of.outcome->wait_seconds, 0, longest)
          || !within(of.outcome->run_seconds, 0, longest)))
    return wrong("the outcome");
  return done{};
}

} // namespace skerry
