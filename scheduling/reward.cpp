#include "scheduling/reward.hpp"

#include "scheduling/slowdown.hpp"

#include <fmt/format.h>

#include <algorithm>
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
      {"fairness", "the tenant's share of all allocated beyond an equal one",
       -0.25},
  }};
  return table;
}

namespace {

/// Half of the worst.
constexpr double long_wait_seconds = 600;

float within_one(double value) {
  return static_cast<float>(std::clamp(value, -1.0, 1.0));
}

float& at(reward_values& values, reward_term term) {
  return values[index_of(term)];
}

} // namespace

reward_values reward_of_decision(const decision_facts& facts) {
  reward_values out{};
  const auto wait = std::max(facts.wait_seconds, 0.0);
  const auto attempts = std::max<std::uint32_t>(facts.attempt, 1);
  at(out, reward_term::allocated_share) = within_one(facts.allocated_share);
  at(out, reward_term::fragmentation) = within_one(facts.fragmentation_gpus);
  at(out, reward_term::wait) = within_one(wait / (wait + long_wait_seconds));
  at(out, reward_term::refusals) = facts.refused ? 1 : 0;
  at(out, reward_term::churn) = within_one((attempts - 1.0) / attempts);
  at(out, reward_term::fairness) = within_one(
      std::max(0.0, facts.tenant_share
                        - 1.0 / std::max<std::uint32_t>(facts.tenants, 1)));
  return out;
}

reward_values reward_of_ending(const ending_facts& facts) {
  reward_values out{};
  const auto wait = std::max(facts.wait_seconds, 0.0);
  const auto response = wait + std::max(facts.run_seconds, 0.0);
  const auto slowdown = bounded_slowdown(
      static_cast<std::int64_t>(wait),
      static_cast<std::int64_t>(std::max(facts.run_seconds, 0.0)));
  at(out, reward_term::slowdown) = within_one(1 - 1 / slowdown);
  if (facts.target_seconds && response > *facts.target_seconds)
    at(out, reward_term::response)
        = within_one(1 - std::max(*facts.target_seconds, 0.0) / response);
  return out;
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
