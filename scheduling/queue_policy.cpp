#include "scheduling/queue_policy.hpp"

#include "scheduling/assert.hpp"

namespace skerry {

void queue_policy::submitted(const queued_job&) {}

void queue_policy::ended(const queued_job&, std::int64_t) {}

std::size_t order_policy::choose(const queue_state& state) {
  SKERRY_ASSERT(!state.waiting.empty());
  std::size_t first = 0;
  auto lowest = priority(order_, state.waiting[0], state.now_seconds);
  for (std::size_t i = 1; i < state.waiting.size(); ++i) {
    const auto found = priority(order_, state.waiting[i], state.now_seconds);
    if (found < lowest
        || (found == lowest
            && submitted_before(state.waiting[i], state.waiting[first]))) {
      lowest = found;
      first = i;
    }
  }
  return first;
}

} // namespace skerry
