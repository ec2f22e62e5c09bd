#include "learning/training_batch.hpp"

#include <algorithm>

namespace skerry {

training_batch batch_of(const std::vector<batch_item>& items) {
  training_batch out;
  out.size = items.size();
  for (const auto& item : items)
    out.width = std::max(out.width, item.of->candidates.size());
  out.candidates.resize(out.size * out.width * placement_features);
  auto row = out.candidates.begin();
  for (const auto& [of, importance, imitate] : items) {
    out.states.insert(out.states.end(), of->state.begin(), of->state.end());
    out.next_states.insert(out.next_states.end(), of->next_state.begin(),
                           of->next_state.end());
    auto to = row;
    for (const auto& candidate : of->candidates)
      to = std::ranges::copy(candidate, to).out;
    row += static_cast<std::ptrdiff_t>(out.width * placement_features);
    out.counts.push_back(static_cast<std::int64_t>(of->candidates.size()));
    out.chosen.push_back(of->chosen);
    out.rewards.push_back(of->reward);
    out.discounts.push_back(of->terminal ? 0 : of->discount);
    out.importance.push_back(importance);
    out.imitate.push_back(imitate ? 1.0F : 0.0F);
  }
  return out;
}

} // namespace skerry
