#pragma once

#include "learning/network.hpp"
#include "learning/training_batch.hpp"
#include "scheduling/result.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace skerry {

struct trainer_options {
  double learning_rate = 1e-3;
  std::uint64_t warm_up_steps = 100; ///< Until the rate is reached, linearly.
  /// From then on the rate falls with the root of the steps.
  std::uint64_t decay_after_steps = 20'000;
  /// Share of the network that the target network takes over each step.
  double target_rate = 0.01;
  /// Beta of exp(A / beta), in standard deviations of the advantages: small
  /// learns from the best choices only, large imitates them all.
  double temperature = 1;
  double max_choice_weight = 20; ///< Of exp(A / beta): one choice among many.
  double policy_weight = 1;      ///< Of its loss, the value's being 1.
  /// Entropy of the policy, of that of an even one; less is made to cost.
  double min_entropy = 0.02;
  /// Of the policy from the target network's, in nats; more is made to cost.
  double max_divergence = 0.1;
  double limit_weight = 1; ///< What each unit beyond these two costs.
  double max_gradient_norm = 5;
  /// The loss has exploded when its running mean is so many times what it was.
  double max_loss_growth = 50;
  std::uint64_t snapshot_steps = 100; ///< Between states to roll back to.
};

/// @returns `invalid_argument` naming the first option at fault.
result<> validate(const trainer_options& options);

/// What came of a step.
struct training_step {
  std::uint64_t number = 0; ///< From 1, over all trainings of these weights.
  double value_loss = 0;
  double policy_loss = 0;
  double entropy = 0;       ///< Of that of an even policy, [0, 1].
  double divergence = 0;    ///< From the target network's policy, in nats.
  double gradient_norm = 0; ///< Before it was clipped.
  double learning_rate = 0;
  /// Why the weights are those of an earlier step again; empty: they are not.
  std::string rolled_back;
  std::vector<float> errors; ///< |TD error| of each experience: its priority.
};

/// Learns policy and value from batches of experience.
///
///     y       = reward + discount V'(next state)     V' the target network's
///     V       <- y of the state, that is without a candidate (all zeros),
///                and of the candidate that was chosen     (Huber, by
///                importance)
///     A       = y - V(state)
///     policy  <- the chosen, weighted by min(exp(A / (beta sd(A))), limit);
///                by 1 where it is to be imitated
///     entropy below its limit, and divergence above its own, cost
///
/// A step whose loss or gradient is not finite, or whose loss has exploded, is
/// not taken: weights, target and moments return to the last snapshot, and the
/// learning rate is halved.
///
/// @source Peng et al., "Advantage-Weighted Regression", 2019; Mnih et al.,
///         "Human-level control through deep reinforcement learning", 2015
///         (target network, here by averaging as in Lillicrap et al., 2016).
class trainer {
public:
  virtual ~trainer() = default;

  /// @returns `invalid_argument` for a batch of other extents, `io_failed` with
  ///          the library's reason when it cannot go on.
  virtual result<training_step> step(const training_batch& batch) = 0;

  /// As of the last step, without an origin but for steps and experiences.
  virtual network_weights weights() const = 0;

  /// What `candidate_network::evaluate` finds, by LibTorch.
  virtual void evaluate(std::span<const float> state,
                        std::span<const float> candidates,
                        std::span<float> logits, std::span<float> values)
      = 0;

  /// What it computes on, for example "cpu".
  virtual std::string device() const = 0;
};

/// The network of experiences: state and placement features.
network_shape experience_network(std::size_t hidden = 64);

/// Weights to begin at: small and random, heads at 0, so that the first policy
/// is even and the first value 0.
/// @source He et al., "Delving Deep into Rectifiers", ICCV 2015.
network_weights first_weights(const network_shape& shape,
                              std::uint64_t feature_schema, rng& random);

} // namespace skerry
