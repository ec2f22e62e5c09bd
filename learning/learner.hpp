#pragma once

#include "learning/experience_source.hpp"
#include "learning/trainer.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace skerry {

struct learner_options {
  std::size_t hidden = 64; ///< Of both layers.
  std::size_t batch = 256; ///< Experiences a step.
  /// Steps between two sets of weights for others to try.
  std::uint64_t publish_steps = 500;
  /// What rewards are multiplied by: brings sums of a hundred steps, and so the
  /// values, near 1, where a network learns well.
  double reward_scale = 0.1;
  trainer_options training = {};
  std::uint64_t seed = 1; ///< Of the first weights.
};

/// @returns `invalid_argument` naming the option at fault.
result<> validate(const learner_options& options);

/// How a training goes; losses are running means.
struct learner_figures {
  std::uint64_t steps = 0; ///< Of this training.
  std::uint64_t published = 0;
  std::uint64_t rollbacks = 0;
  std::string last_rollback; ///< Why.
  double value_loss = 0;
  double policy_loss = 0;
  double entropy = 1;
  double divergence = 0;
  double learning_rate = 0;
};

/// A training: draws batches, takes steps, and says when its weights are worth
/// publishing.
class learner {
public:
  /// @param start Where to go on; nothing: at random.
  /// @returns What `make_trainer` returns, and `validate`.
  static result<learner> make(const learner_options& options,
                              std::optional<network_weights> start,
                              const std::filesystem::path& module_file = {});

  /// One step.
  /// @returns Whether weights are due to be published. `insufficient`: there
  ///          is too little experience, nothing has been done; and what
  ///          `trainer::step` returns.
  result<bool> step(experience_source& from);

  /// As they are now.
  network_weights weights() const;
  const learner_figures& figures() const { return figures_; }
  std::string device() const { return trainer_->device(); }

private:
  learner(const learner_options& options, std::unique_ptr<trainer> by)
      : options_{options}, trainer_{std::move(by)} {}

  learner_options options_;
  std::unique_ptr<trainer> trainer_;
  learner_figures figures_;
  std::uint64_t sound_steps_ = 0; ///< Since a rollback or a publication.
};

} // namespace skerry
