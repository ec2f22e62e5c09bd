#pragma once

#include "scheduling/queue_scorer.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace skerry {

/// A fixed rule that plans start from and are measured against.
using queue_rule = std::variant<queue_order, queue_weights>;

/// The orders that look at the job and its wait: all but las, which is fcfs
/// where no job has run before.
std::vector<queue_rule> all_rules();

/// Sorts as the rule does: the smallest first.
double key_of(const queue_rule& rule, const queued_job& job,
              const queue_state& state, const free_forecast& forecast);

std::unique_ptr<queue_policy> policy_of(const queue_rule& rule);

} // namespace skerry
