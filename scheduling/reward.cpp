#include "scheduling/reward.hpp"

#include <fmt/format.h>

#include <cmath>

namespace skerry {

const std::array<reward_term_row, reward_terms>& reward_term_table() {
  static constexpr std::array<reward_term_row, reward_terms> table{{
      {"allocated-share", "allocated share of the scarcest kind, GPU or CPU",
       1},
      {"fragmentation", "growth of expected fragmentation, in whole GPUs", -1},
      {"wait", "wait until the start / (wait + ten minutes)", -1},
      {"slowdown", "1 - 1 / bounded slowdown of a task that has ended", -1},
      {"response", "response time beyond its target / response time", -1},
      {"refusals", "the task was refused or found no node", -1},
      {"churn", "attempts beyond the first / all attempts of the task", -1},
      {"fairness", "the tenant's share beyond an equal one", -0.25},
  }};
  return table;
}

reward_weights::reward_weights() : of{} {
  for (std::size_t term = 0; term < reward_terms; ++term)
    of[term] = reward_term_table()[term].weight;
}

result<> validate(const reward_weights& weights) {
  for (std::size_t term = 0; term < reward_terms; ++term)
    if (!(std::abs(weights.of[term]) <= max_reward_weight))
      return {error_code::invalid_argument,
              fmt::format("weight of the reward term {}: {} is not within "
                          "+-{}",
                          reward_term_table()[term].name, weights.of[term],
                          max_reward_weight)};
  return done{};
}

double total_reward(const reward_values& terms, const reward_weights& weights) {
  double sum = 0;
  for (std::size_t term = 0; term < reward_terms; ++term)
    sum += weights.of[term] * static_cast<double>(terms[term]);
  return sum;
}

} // namespace skerry
