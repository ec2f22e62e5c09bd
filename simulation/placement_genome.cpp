#include "simulation/placement_genome.hpp"

#include "scheduling/assert.hpp"

namespace skerry {
namespace {

/// FGD's scores differ by some hundredths between good nodes and by tenths
/// between all; what is to be weighed against them begins there.
constexpr double first_deviation = 0.05;
/// FGD is 1; nothing has been seen to want more than a few times that.
constexpr double largest_gene = 5;

template <class Function>
void for_each_gene(Function&& with) {
  for (std::size_t c = 0; c < task_classes; ++c)
    for (std::size_t f = 0; f < placement_features; ++f)
      if (applies(static_cast<placement_feature>(f),
                  static_cast<task_class>(c)))
        with(c, f);
}

} // namespace

bool applies(placement_feature feature, task_class to) {
  using enum placement_feature;
  if (feature >= opens_gpu)
    return to == task_class::sharing;
  if (feature == pressure_named)
    return to != task_class::cpu_only;
  return feature != devices_not_asked || to == task_class::cpu_only;
}

genome genome_of(const placement_weights& weights) {
  genome out;
  for_each_gene([&](auto c, auto f) { out.push_back(weights.of[c][f]); });
  return out;
}

placement_weights weights_of(std::span<const double> genes) {
  placement_weights out;
  std::size_t next = 0;
  for_each_gene([&](auto c, auto f) { out.of[c][f] = genes[next++]; });
  SKERRY_ASSERT(next == genes.size());
  return out;
}

search_space placement_space() {
  const auto dimension = genome_of({}).size();
  auto space = cube(dimension, -largest_gene, largest_gene);
  space.scale.assign(dimension, first_deviation);
  space.starting_points
      = {genome_of(fgd_weights()), genome_of(first_fit_weights())};
  return space;
}

} // namespace skerry
