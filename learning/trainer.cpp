#include "learning/trainer.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <string_view>

namespace skerry {

result<> validate(const trainer_options& options) {
  struct limits {
    std::string_view name;
    double value;
    double above; ///< Exclusive.
    double most;
  };
  constexpr auto tiny = std::numeric_limits<double>::denorm_min();
  const std::array all{
      limits{"learning_rate", options.learning_rate, 0, 1},
      limits{"target_rate", options.target_rate, 0, 1},
      limits{"temperature", options.temperature, 0, 1e6},
      limits{"max_choice_weight", options.max_choice_weight, 0, 1e6},
      limits{"policy_weight", options.policy_weight, -tiny, 1e6},
      limits{"min_entropy", options.min_entropy, -tiny, 1},
      limits{"max_divergence", options.max_divergence, 0, 1e6},
      limits{"limit_weight", options.limit_weight, -tiny, 1e6},
      limits{"max_gradient_norm", options.max_gradient_norm, 0, 1e6},
      limits{"max_loss_growth", options.max_loss_growth, 1, 1e9},
  };
  for (const auto& [name, value, above, most] : all)
    if (!(value > above && value <= most))
      return {error_code::invalid_argument,
              fmt::format("trainer: {} is {}, must be above {} and at most {}",
                          name, value, above, most)};
  if (options.snapshot_steps == 0 || options.decay_after_steps == 0)
    return {error_code::invalid_argument, "trainer: a number of steps is 0"};
  return done{};
}

network_shape experience_network(std::size_t hidden) {
  return {state_features, placement_features, hidden};
}

network_weights first_weights(const network_shape& shape,
                              std::uint64_t feature_schema, rng& random) {
  network_weights out{feature_schema, {}, {}};
  for (auto& layout : layout_of(shape)) {
    tensor each{layout, std::vector<float>(layout.size())};
    if (layout.name.starts_with("encoder.") && layout.extents.size() == 2) {
      const auto scale = std::sqrt(2.0 / layout.extents.back());
      for (auto& value : each.values)
        value = static_cast<float>(scale * random.normal());
    }
    out.tensors.push_back(std::move(each));
  }
  return out;
}

} // namespace skerry
