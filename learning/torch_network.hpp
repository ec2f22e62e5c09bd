#pragma once

#include "learning/network.hpp"
#include "learning/torch.hpp"
#include "learning/training_batch.hpp"

#include <vector>

namespace skerry {

/// A batch as tensors that look at its memory, on the device.
struct torch_batch {
  torch::Tensor states;     ///< float32 `[b, s]`
  torch::Tensor candidates; ///< float32 `[b, n, c]`
  torch::Tensor present;    ///< bool `[b, n]`, false where padded
  torch::Tensor counts;     ///< float32 `[b]`
  torch::Tensor chosen;     ///< int64 `[b]`
  torch::Tensor rewards, discounts, importance, imitate; ///< float32 `[b]`
  torch::Tensor next_states;                             ///< float32 `[b, s]`
};

/// @pre `batch` outlives the tensors.
torch_batch tensors_of(const training_batch& batch, const network_shape& shape,
                       const torch::Device& device);

/// Logarithms of the probabilities of candidates from their logits, `[b, n]`;
/// next to none where padded.
torch::Tensor log_policy(const torch::Tensor& logits,
                         const torch::Tensor& present);

/// The network of `candidate_network`, that can be differentiated.
class torch_network {
public:
  /// @pre The weights are of the shape.
  torch_network(const network_shape& shape, const network_weights& weights,
                const torch::Device& device);

  const network_shape& shape() const { return shape_; }
  /// In the order of `layout_of`.
  const std::vector<torch::Tensor>& tensors() const { return tensors_; }
  /// A copy of all numbers in a row: an optimiser has less to do with one long
  /// tensor than with eight.
  torch::Tensor flat() const;
  /// From now on the tensors are parts of this one, as `flat` gives it.
  void look_at(const torch::Tensor& flat);
  network_weights weights(std::uint64_t feature_schema) const;

  /// What is multiplied once for all candidates of a state.
  /// @returns float32 `[b, hidden]`.
  torch::Tensor shared_part(const torch::Tensor& states) const;
  /// @param candidates float32 `[b, n, c]`.
  /// @returns float32 `[b * n, hidden]`.
  torch::Tensor encode(const torch::Tensor& shared,
                       const torch::Tensor& candidates) const;
  /// Of states without a candidate, `[b, hidden]`.
  torch::Tensor encode(const torch::Tensor& shared) const;

  torch::Tensor values(const torch::Tensor& encoded) const;
  /// Both heads at once, `[rows, 2]`: logit and value.
  torch::Tensor judge(const torch::Tensor& encoded) const;

private:
  torch::Tensor second_layer(const torch::Tensor& first) const;

  network_shape shape_;
  std::vector<tensor_layout> layouts_;
  std::vector<torch::Tensor> tensors_;
};

} // namespace skerry
