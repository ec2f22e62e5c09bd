#include "learning/learner.hpp"

#include "learning/trainer_module.hpp"

#include <fmt/format.h>

#include <utility>

namespace skerry {
namespace {

/// Larger ones learn no better, and hold the thread up.
constexpr std::size_t max_batch = 65'536;

/// A mean over the last twenty steps or so.
void drift(double& mean, double value, bool first) {
  mean = first ? value : mean + 0.05 * (value - mean);
}

} // namespace

result<> validate(const learner_options& options) {
  if (options.batch == 0 || options.batch > max_batch)
    return {error_code::invalid_argument,
            fmt::format("learner: a batch of {}, must be from 1 to {}",
                        options.batch, max_batch)};
  if (!(options.reward_scale > 0 && options.reward_scale <= 1e3))
    return {error_code::invalid_argument,
            fmt::format("learner: a reward scale of {}, must be above 0 and at "
                        "most 1000",
                        options.reward_scale)};
  if (options.publish_steps == 0)
    return {error_code::invalid_argument, "learner: publish_steps is 0"};
  if (auto ok = validate(experience_network(options.hidden)); !ok)
    return ok;
  return validate(options.training);
}

result<learner> learner::make(const learner_options& options,
                              std::optional<network_weights> start,
                              const std::filesystem::path& module_file) {
  if (auto ok = validate(options); !ok)
    return ok.failure();
  const auto shape = experience_network(options.hidden);
  if (!start) {
    rng random{options.seed};
    start = first_weights(shape, experience_schema(), random);
  }
  if (auto ok = validate(*start, experience_schema(), layout_of(shape)); !ok)
    return ok.failure();
  auto by = make_trainer(shape, *start, options.training, module_file);
  if (!by)
    return by.failure();
  return learner{options, *std::move(by)};
}

result<bool> learner::step(experience_source& from) {
  auto batch = from.draw(options_.batch);
  if (!batch)
    return batch.failure();
  for (auto& reward : batch->rewards)
    reward *= static_cast<float>(options_.reward_scale);
  const auto taken = trainer_->step(*batch);
  if (!taken)
    return taken.failure();
  ++figures_.steps;
  if (!taken->rolled_back.empty()) {
    ++figures_.rollbacks;
    figures_.last_rollback
        = fmt::format("step {}: {}", taken->number, taken->rolled_back);
    sound_steps_ = 0;
    return false; // Errors that are no numbers are no priorities.
  }
  from.judge(taken->errors);
  const auto first = figures_.steps == 1;
  drift(figures_.value_loss, taken->value_loss, first);
  drift(figures_.policy_loss, taken->policy_loss, first);
  figures_.entropy = taken->entropy;
  figures_.divergence = taken->divergence;
  figures_.learning_rate = taken->learning_rate;
  if (++sound_steps_ < options_.publish_steps)
    return false;
  sound_steps_ = 0;
  ++figures_.published;
  return true;
}

network_weights learner::weights() const {
  auto out = trainer_->weights();
  out.origin.seed = options_.seed;
  out.origin.loss = figures_.value_loss;
  return out;
}

} // namespace skerry
