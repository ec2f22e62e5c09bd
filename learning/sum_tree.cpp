#include "learning/sum_tree.hpp"

#include "scheduling/assert.hpp"

#include <algorithm>
#include <cmath>

namespace skerry {

sum_tree::sum_tree(std::size_t slots) : slots_{slots} {
  SKERRY_ASSERT(slots > 0);
  std::size_t begin = 0;
  auto width = slots;
  do {
    levels_.push_back(begin);
    // Whole blocks, so that the sums never read a neighbour's cells.
    begin += (width + fan_out - 1) / fan_out * fan_out;
    width = (width + fan_out - 1) / fan_out;
  } while (width > 1);
  root_ = begin;
  levels_.push_back(root_);
  cells_.assign(begin + 1, 0);
}

void sum_tree::set(std::size_t slot, double mass) {
  SKERRY_ASSERT(slot < slots_);
  SKERRY_ASSERT(std::isfinite(mass));
  SKERRY_ASSERT(mass >= 0);
  cells_[slot] = mass;
  for (std::size_t level = 1; level < levels_.size(); ++level) {
    const auto block = slot / fan_out;
    const auto* child = &cells_[levels_[level - 1] + block * fan_out];
    double sum = 0;
    for (std::size_t c = 0; c < fan_out; ++c)
      sum += child[c];
    cells_[levels_[level] + block] = sum;
    slot = block;
  }
}

std::size_t sum_tree::find(double at) const {
  SKERRY_ASSERT(total() > 0);
  std::size_t node = 0;
  for (auto level = levels_.size() - 1; level-- > 0;) {
    const auto* child = &cells_[levels_[level] + node * fan_out];
    // Rounding may leave `at` beyond the last child that has a mass: it is
    // that one then.
    std::size_t found = 0;
    for (std::size_t c = 0; c < fan_out; ++c) {
      if (child[c] <= 0)
        continue;
      found = c;
      if (at < child[c])
        break;
      at -= child[c];
    }
    node = node * fan_out + found;
  }
  return node;
}

} // namespace skerry
