#include "benchmarks/plan_batch.hpp"

#include "scheduling/assert.hpp"
#include "scheduling/rng.hpp"

#include <fmt/format.h>

#include <array>

namespace skerry {

plan_batch::plan_batch(std::size_t node_count, std::size_t task_count,
                       std::uint64_t seed) {
  constexpr auto gibi = std::int64_t{1} << 30;
  rng random{seed};
  const auto up_to = [&random](std::uint64_t most) {
    return static_cast<std::int64_t>(1 + random.below(most));
  };
  for (std::size_t n = 0; n < node_count; ++n)
    SKERRY_ASSERT(nodes.add_node(
        {.name = fmt::format("n{}", n),
         .capacity = {millicores{64'000}, bytes{256 * gibi}, bytes{1000 * gibi},
                      bits_per_second{10'000'000'000}}}));
  std::array<shape_id, 16> shapes{};
  for (auto& shape : shapes)
    shape = *nodes.intern(
        {.demand = {millicores{1000 * up_to(16)}, bytes{gibi * up_to(64)},
                    bytes{gibi * up_to(200)},
                    bits_per_second{100'000'000 * up_to(20)}}});
  for (std::size_t n = 0; n < node_count; ++n)
    for (auto resident = random.below(8); resident > 0; --resident)
      // One that does not fit is left out.
      (void)nodes.take(static_cast<node_index>(n),
                       shapes[random.below(shapes.size())], 0);
  for (std::size_t i = 0; i < task_count; ++i)
    tasks.push_back({.shape = shapes[random.below(shapes.size())]});
}

} // namespace skerry
