#include "learning/torch_network.hpp"

#include <algorithm>

namespace skerry {
namespace {

/// The batch is only read, but tensors know no const.
template <class T>
torch::Tensor view(const std::vector<T>& of, torch::IntArrayRef extents) {
  constexpr auto type = std::is_same_v<T, float> ? torch::kFloat : torch::kLong;
  return torch::from_blob(const_cast<T*>(of.data()), extents, type);
}

std::int64_t extent(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

} // namespace

torch_batch tensors_of(const training_batch& batch, const network_shape& shape,
                       const torch::Device& device) {
  const auto b = extent(batch.size);
  const auto n = extent(batch.width);
  const auto s = extent(shape.state_inputs);
  const auto counts = view(batch.counts, {b});
  return {
      .states = view(batch.states, {b, s}).to(device),
      .candidates
      = view(batch.candidates, {b, n, extent(shape.candidate_inputs)})
            .to(device),
      .present
      = torch::arange(n).unsqueeze(0).lt(counts.unsqueeze(1)).to(device),
      .counts = counts.to(device, torch::kFloat),
      .chosen = view(batch.chosen, {b}).to(device),
      .rewards = view(batch.rewards, {b}).to(device),
      .discounts = view(batch.discounts, {b}).to(device),
      .importance = view(batch.importance, {b}).to(device),
      .imitate = view(batch.imitate, {b}).to(device),
      .next_states = view(batch.next_states, {b, s}).to(device),
  };
}

torch_network::torch_network(const network_shape& shape,
                             const network_weights& weights,
                             const torch::Device& device)
    : shape_{shape} {
  for (const auto& each : weights.tensors) {
    layouts_.push_back(each.layout);
    const std::vector<std::int64_t> extents{each.layout.extents.begin(),
                                            each.layout.extents.end()};
    tensors_.push_back(
        view(each.values, extents).clone().to(device).set_requires_grad(true));
  }
}

network_weights torch_network::weights(std::uint64_t feature_schema) const {
  network_weights out{feature_schema, {}, {}};
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    const auto values = tensors_[t].detach().to(torch::kCPU).contiguous();
    const auto* const first = values.data_ptr<float>();
    out.tensors.push_back({layouts_[t], {first, first + values.numel()}});
  }
  return out;
}

torch::Tensor torch_network::flat() const {
  std::vector<torch::Tensor> parts;
  for (const auto& each : tensors_)
    parts.push_back(each.detach().flatten());
  return torch::cat(parts);
}

void torch_network::look_at(const torch::Tensor& flat) {
  std::vector<std::int64_t> sizes;
  for (const auto& each : tensors_)
    sizes.push_back(each.numel());
  auto parts = flat.split_with_sizes(sizes);
  for (std::size_t t = 0; t < tensors_.size(); ++t)
    tensors_[t] = parts[t].view(tensors_[t].sizes());
}

torch::Tensor torch_network::shared_part(const torch::Tensor& states) const {
  return torch::addmm(
      tensors_[1], states,
      tensors_[0].narrow(1, 0, extent(shape_.state_inputs)).t());
}

torch::Tensor torch_network::second_layer(const torch::Tensor& first) const {
  return torch::addmm(tensors_[3], first, tensors_[2].t()).relu_();
}

torch::Tensor torch_network::encode(const torch::Tensor& shared,
                                    const torch::Tensor& candidates) const {
  const auto own = tensors_[0].narrow(1, extent(shape_.state_inputs),
                                      extent(shape_.candidate_inputs));
  const auto first = (candidates.matmul(own.t()) + shared.unsqueeze(1)).relu_();
  return second_layer(first.flatten(0, 1));
}

torch::Tensor torch_network::encode(const torch::Tensor& shared) const {
  return second_layer(shared.relu());
}

torch::Tensor torch_network::values(const torch::Tensor& encoded) const {
  return torch::addmm(tensors_[7], encoded, tensors_[6].t()).squeeze(1);
}

torch::Tensor torch_network::judge(const torch::Tensor& encoded) const {
  return torch::addmm(torch::cat({tensors_[5], tensors_[7]}), encoded,
                      torch::cat({tensors_[4], tensors_[6]}).t());
}

torch::Tensor log_policy(const torch::Tensor& logits,
                         const torch::Tensor& present) {
  // Finite: minus infinity times a probability of 0 would be no number.
  constexpr double nearly_never = -1e9;
  return logits.reshape(present.sizes())
      .masked_fill(present.logical_not(), nearly_never)
      .log_softmax(1);
}

} // namespace skerry
