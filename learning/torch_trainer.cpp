#include "learning/torch_network.hpp"
#include "learning/trainer.hpp"
#include "learning/trainer_module.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace skerry {
namespace {

/// Divergence is estimated on a part of the batch: to know it of all would cost
/// a forward pass more.
constexpr std::int64_t divergence_part = 16;
/// Between two looks at entropy and divergence.
constexpr std::uint64_t limit_steps = 8;
/// Of the running means of the loss, of which one is compared with the other.
constexpr double fast_mean = 0.1;
constexpr double slow_mean = 0.005;
/// Steps until means mean something.
constexpr std::uint64_t steady_steps = 50;
/// The learning rate is halved at each rollback, but not for ever.
constexpr double least_caution = 1.0 / 1024;

result<> check(const training_batch& batch, const network_shape& shape) {
  const auto b = batch.size;
  const auto n = static_cast<std::int64_t>(batch.width);
  auto sound
      = b > 0 && n > 0 && batch.states.size() == b * shape.state_inputs
        && batch.next_states.size() == b * shape.state_inputs
        && batch.candidates.size() == b * batch.width * shape.candidate_inputs
        && batch.counts.size() == b && batch.chosen.size() == b
        && batch.rewards.size() == b && batch.discounts.size() == b
        && batch.importance.size() == b && batch.imitate.size() == b;
  for (std::size_t i = 0; sound && i < b; ++i)
    sound = batch.counts[i] <= n && batch.chosen[i] >= 0
            && batch.chosen[i] < batch.counts[i];
  if (!sound)
    return {error_code::invalid_argument,
            "a batch of experience with other extents than the network's"};
  return done{};
}

/// Losses of a batch, and what is told of them.
struct losses {
  torch::Tensor value, policy, total, errors;
};

class torch_trainer final : public trainer {
public:
  torch_trainer(const network_shape& shape, const network_weights& start,
                const trainer_options& options, const torch::Device& device)
      : options_{options}, device_{device}, schema_{start.feature_schema},
        origin_{start.origin}, net_{shape, start, device},
        target_{shape, start, device}, numbers_{net_.flat()},
        target_numbers_{numbers_.clone()}, good_{numbers_.clone()} {
    numbers_.set_requires_grad(true);
    net_.look_at(numbers_);
    target_.look_at(target_numbers_);
    forget_moments();
  }

  result<training_step> step(const training_batch& batch) override {
    if (auto ok = check(batch, net_.shape()); !ok)
      return ok.failure();
    try {
      return step_by(tensors_of(batch, net_.shape(), device_));
    } catch (const std::exception& fault) {
      return {error_code::io_failed, fmt::format("LibTorch: {}", fault.what())};
    }
  }

  network_weights weights() const override {
    auto out = net_.weights(schema_);
    out.origin.steps = origin_.steps;
    out.origin.experiences = origin_.experiences;
    return out;
  }

  void evaluate(std::span<const float> state, std::span<const float> candidates,
                std::span<float> logits, std::span<float> values) override {
    const torch::NoGradGuard no_gradients;
    const auto view = [](std::span<const float> of, torch::IntArrayRef shape) {
      return torch::from_blob(const_cast<float*>(of.data()), shape);
    };
    const auto s = static_cast<std::int64_t>(state.size());
    const auto n = static_cast<std::int64_t>(logits.size());
    const auto c = static_cast<std::int64_t>(net_.shape().candidate_inputs);
    const auto encoded
        = net_.encode(net_.shared_part(view(state, {1, s}).to(device_)),
                      view(candidates, {1, n, c}).to(device_));
    const auto write = [](const torch::Tensor& from, std::span<float> to) {
      const auto here = from.to(torch::kCPU).contiguous();
      std::copy_n(here.data_ptr<float>(), to.size(), to.begin());
    };
    const auto judged = net_.judge(encoded);
    write(judged.select(1, 0), logits);
    if (!values.empty())
      write(judged.select(1, 1), values);
  }

  std::string device() const override { return device_.str(); }

private:
  void forget_moments() {
    moments_ = std::make_unique<torch::optim::Adam>(
        std::vector{numbers_},
        torch::optim::AdamOptions{options_.learning_rate});
    steps_since_ = 0;
  }

  double learning_rate() const {
    const auto warm
        = std::min(1.0, static_cast<double>(steps_since_ + 1)
                            / static_cast<double>(options_.warm_up_steps + 1));
    const auto late
        = std::max(1.0, static_cast<double>(origin_.steps)
                            / static_cast<double>(options_.decay_after_steps));
    return options_.learning_rate * caution_ * warm / std::sqrt(late);
  }

  losses losses_of(const torch_batch& batch);
  void add_limits(const torch_batch& batch, const torch::Tensor& chances,
                  torch::Tensor& total);
  torch::Tensor entropy_of(const torch_batch& batch,
                           const torch::Tensor& chances) const;
  torch::Tensor divergence_of(const torch_batch& batch,
                              const torch::Tensor& chances) const;
  training_step step_by(const torch_batch& batch);
  std::string fault_in(double value_loss, double total, double gradient_norm);
  void roll_back();

  trainer_options options_;
  torch::Device device_;
  std::uint64_t schema_;
  weights_origin origin_;
  torch_network net_;
  torch_network target_;
  // Of the networks, which look at them.
  torch::Tensor numbers_;
  torch::Tensor target_numbers_;
  torch::Tensor good_; ///< What is rolled back to.
  std::unique_ptr<torch::optim::Adam> moments_;
  std::uint64_t steps_since_ = 0; ///< The moments are of.
  double caution_ = 1;            ///< Halved at each rollback.
  double entropy_ = 1;            ///< When last looked at, as is the next.
  double divergence_ = 0;
  bool beyond_limits_ = false;
  double recent_loss_ = 0;
  double usual_loss_ = 0;
};

torch::Tensor torch_trainer::divergence_of(const torch_batch& batch,
                                           const torch::Tensor& chances) const {
  const auto rows
      = std::max<std::int64_t>(1, batch.states.size(0) / divergence_part);
  torch::Tensor before;
  {
    const torch::NoGradGuard no_gradients;
    const auto judged = target_.judge(
        target_.encode(target_.shared_part(batch.states.narrow(0, 0, rows)),
                       batch.candidates.narrow(0, 0, rows)));
    before = log_policy(judged.select(1, 0), batch.present.narrow(0, 0, rows));
  }
  const auto now = chances.narrow(0, 0, rows);
  return (before.exp() * (before - now)).sum(1).mean();
}

torch::Tensor torch_trainer::entropy_of(const torch_batch& batch,
                                        const torch::Tensor& chances) const {
  const auto even = batch.counts.log();
  const auto share = -(chances.exp() * chances).sum(1) / even.clamp_min(1e-6);
  // A decision without a choice is as even as it can be.
  return torch::where(even > 0, share, torch::ones_like(share)).mean();
}

losses torch_trainer::losses_of(const torch_batch& batch) {
  torch::Tensor wanted;
  {
    const torch::NoGradGuard no_gradients;
    wanted = batch.rewards
             + batch.discounts
                   * target_.values(
                       target_.encode(target_.shared_part(batch.next_states)));
  }
  const auto at_chosen = [&batch](const torch::Tensor& of) {
    return of.gather(1, batch.chosen.unsqueeze(1)).squeeze(1);
  };
  const auto b = batch.states.size(0);
  const auto shared = net_.shared_part(batch.states);
  const auto of_state = net_.values(net_.encode(shared));
  const auto judged
      = net_.judge(net_.encode(shared, batch.candidates)).view({b, -1, 2});
  const auto of_chosen = at_chosen(judged.select(2, 1));

  losses out;
  const auto huber = [&](const torch::Tensor& value) {
    return (batch.importance
            * torch::huber_loss(value, wanted, at::Reduction::None))
        .mean();
  };
  out.value = huber(of_state) + huber(of_chosen);
  out.errors = (wanted - of_chosen).detach().abs();

  const auto advantage = (wanted - of_state).detach();
  const auto spread
      = b > 1 ? advantage.std() : torch::ones({}, advantage.options());
  const auto earned = (advantage / (options_.temperature * (spread + 1e-6)))
                          .exp()
                          .clamp_max(options_.max_choice_weight);
  const auto weight = batch.importance
                      * torch::where(batch.imitate > 0, batch.imitate, earned);
  const auto chances = log_policy(judged.select(2, 0), batch.present);
  out.policy = -(weight * at_chosen(chances)).mean();
  out.total = out.value + options_.policy_weight * out.policy;
  add_limits(batch, chances, out.total);
  return out;
}

/// Within the limits they cost nothing, nor does their gradient; while nothing
/// is beyond them they are looked at now and then.
void torch_trainer::add_limits(const torch_batch& batch,
                               const torch::Tensor& chances,
                               torch::Tensor& total) {
  if (!beyond_limits_ && origin_.steps % limit_steps != 0)
    return;
  entropy_ = entropy_of(batch, chances.detach()).item<double>();
  divergence_ = divergence_of(batch, chances.detach()).item<double>();
  const auto too_sure = entropy_ < options_.min_entropy;
  const auto too_far = divergence_ > options_.max_divergence;
  if (too_sure)
    total = total - options_.limit_weight * entropy_of(batch, chances);
  if (too_far)
    total = total + options_.limit_weight * divergence_of(batch, chances);
  beyond_limits_ = too_sure || too_far;
}

training_step torch_trainer::step_by(const torch_batch& batch) {
  net_.look_at(numbers_); // Its graph is of this step alone.
  const auto loss = losses_of(batch);
  moments_->zero_grad();
  loss.total.backward();
  training_step out;
  out.gradient_norm
      = torch::nn::utils::clip_grad_norm_(numbers_, options_.max_gradient_norm);
  out.value_loss = loss.value.item<double>();
  out.policy_loss = loss.policy.item<double>();
  out.entropy = entropy_;
  out.divergence = divergence_;
  out.learning_rate = learning_rate();
  const auto errors = loss.errors.to(torch::kCPU).contiguous();
  out.errors.assign(errors.data_ptr<float>(),
                    errors.data_ptr<float>() + errors.numel());
  out.number = ++origin_.steps;
  origin_.experiences += out.errors.size();

  out.rolled_back
      = fault_in(out.value_loss, loss.total.item<double>(), out.gradient_norm);
  if (!out.rolled_back.empty()) {
    roll_back();
    return out;
  }
  static_cast<torch::optim::AdamOptions&>(
      moments_->param_groups().front().options())
      .lr(out.learning_rate);
  moments_->step();
  ++steps_since_;
  const torch::NoGradGuard no_gradients;
  target_numbers_.lerp_(numbers_, options_.target_rate);
  if (steps_since_ % options_.snapshot_steps == 0)
    good_.copy_(numbers_);
  return out;
}

/// What is wrong with a step; empty when nothing is.
std::string torch_trainer::fault_in(double value_loss, double total,
                                    double gradient_norm) {
  if (!std::isfinite(total))
    return "the loss is not finite";
  if (!std::isfinite(gradient_norm))
    return "the gradient is not finite";
  if (steps_since_ == 0)
    recent_loss_ = usual_loss_ = value_loss;
  recent_loss_ += fast_mean * (value_loss - recent_loss_);
  if (steps_since_ >= steady_steps
      && recent_loss_ > options_.max_loss_growth * (usual_loss_ + 1e-3))
    return fmt::format("the loss has grown from {:.3g} to {:.3g}", usual_loss_,
                       recent_loss_);
  usual_loss_ += slow_mean * (value_loss - usual_loss_);
  return {};
}

void torch_trainer::roll_back() {
  const torch::NoGradGuard no_gradients;
  numbers_.copy_(good_);
  target_numbers_.copy_(good_);
  forget_moments();
  caution_ = std::max(caution_ / 2, least_caution);
}

// -- the module ---------------------------------------------------------------

torch::Device best_device() {
  return torch::cuda::is_available() ? torch::Device{torch::kCUDA}
                                     : torch::Device{torch::kCPU};
}

result<std::unique_ptr<trainer>>
make_torch_trainer(const network_shape& shape, const network_weights& start,
                   const trainer_options& options) {
  try {
    at::set_num_threads(1);
    return std::unique_ptr<trainer>{
        std::make_unique<torch_trainer>(shape, start, options, best_device())};
  } catch (const std::exception& fault) {
    return {error_code::io_failed, fmt::format("LibTorch: {}", fault.what())};
  }
}

class torch_bare_loop final : public bare_loop {
public:
  torch_bare_loop(const network_shape& shape, const network_weights& start,
                  double learning_rate)
      : net_{shape, start, torch::kCPU}, moments_{net_.tensors(),
                                                  torch::optim::AdamOptions{
                                                      learning_rate}} {}

  void step(const training_batch& from) override {
    const auto batch = tensors_of(from, net_.shape(), torch::kCPU);
    const auto shared = net_.shared_part(batch.states);
    const auto encoded = net_.encode(shared, batch.candidates);
    const auto loss
        = torch::huber_loss(net_.values(net_.encode(shared)), batch.rewards)
          + torch::nll_loss(
              log_policy(net_.judge(encoded).select(1, 0), batch.present),
              batch.chosen);
    moments_.zero_grad();
    loss.backward();
    moments_.step();
  }

private:
  torch_network net_;
  torch::optim::Adam moments_;
};

std::unique_ptr<bare_loop> make_bare_loop(const network_shape& shape,
                                          const network_weights& start,
                                          double learning_rate) {
  at::set_num_threads(1);
  return std::make_unique<torch_bare_loop>(shape, start, learning_rate);
}

} // namespace
} // namespace skerry

extern "C" __attribute__((visibility("default"))) const skerry::trainer_module*
skerry_trainer() {
  static const skerry::trainer_module module{
      .make = skerry::make_torch_trainer, .make_bare = skerry::make_bare_loop};
  return &module;
}
