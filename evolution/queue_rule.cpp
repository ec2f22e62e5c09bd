#include "evolution/queue_rule.hpp"

namespace skerry {
namespace {

template <class... Cases>
struct by_case : Cases... {
  using Cases::operator()...;
};

} // namespace

std::vector<queue_rule> all_rules() {
  std::vector<queue_rule> rules;
  for (const auto order : all_queue_orders())
    if (order != queue_order::las)
      rules.emplace_back(order);
  return rules;
}

double key_of(const queue_rule& rule, const queued_job& job,
              const queue_state& state, const free_forecast& forecast) {
  return std::visit(
      by_case{[&](queue_order order) {
                return priority(order, job, state.now_seconds);
              },
              [&](const queue_weights& weights) {
                const queue_scorer scorer{weights, state.processors};
                return scorer.score(scorer.prepare(job),
                                    {state.now_seconds, state.free_processors,
                                     state.waiting.size()},
                                    forecast);
              }},
      rule);
}

std::unique_ptr<queue_policy> policy_of(const queue_rule& rule) {
  return std::visit(
      by_case{
          [](queue_order order) -> std::unique_ptr<queue_policy> {
            return std::make_unique<order_policy>(order);
          },
          [](const queue_weights& weights) -> std::unique_ptr<queue_policy> {
            return std::make_unique<scorer_policy>(weights);
          }},
      rule);
}

} // namespace skerry
