#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Name and extents of an array of numbers.
struct tensor_layout {
  std::string name;
  std::vector<std::uint32_t> extents; ///< Outermost first.

  /// Numbers in it.
  std::size_t size() const;

  friend bool operator==(const tensor_layout&, const tensor_layout&) = default;
};

struct tensor {
  tensor_layout layout;
  std::vector<float> values; ///< The innermost extent runs fastest.

  friend bool operator==(const tensor&, const tensor&) = default;
};

/// Where weights come from.
struct weights_origin {
  std::uint64_t steps = 0;       ///< Of the optimiser, from the first on.
  std::uint64_t experiences = 0; ///< Drawn in these steps.
  std::uint64_t seed = 0;
  double loss = 0;                  ///< Of the value, averaged at the end.
  std::string trained_on;           ///< Name of the experience.
  std::vector<std::string> parents; ///< SHA-256 of what it began at.
  std::string made_by;              ///< Version and commit of the program.
  std::string command;              ///< That makes them again.

  friend bool operator==(const weights_origin&, const weights_origin&)
      = default;
};

/// What a network has learned, as data.
struct network_weights {
  std::uint64_t feature_schema = 0; ///< Of the inputs.
  std::vector<tensor> tensors;
  weights_origin origin;

  friend bool operator==(const network_weights&, const network_weights&)
      = default;
};

/// More is no network of ours: 16 MiB.
inline constexpr std::size_t max_weights = std::size_t{4} << 20;

/// Names and extents as expected, in this order, and all numbers finite.
/// @returns `malformed` naming the schema or the tensor, and what is wrong.
result<> validate(const network_weights& weights, std::uint64_t feature_schema,
                  std::span<const tensor_layout> expected);

/// Weights of one cluster among several.
struct federation_member {
  const network_weights* weights = nullptr;
  double share = 1; ///< Relative to the others', for example experiences.
};

/// Learns from other clusters without seeing their experience: tensors are the
/// means of the members', but those whose name begins with one of `own` are the
/// first member's, who knows his cluster best.
///
///     out[t] = members[0][t]                          if t is an own head
///              sum_m share_m members_m[t] / sum share      otherwise
///
/// @returns `invalid_argument` without members, or for shares that are not
///          positive; `malformed` when schemas or layouts differ, or a number
///          is not finite.
/// @source  McMahan et al., "Communication-Efficient Learning of Deep Networks
///          from Decentralized Data", AISTATS 2017 (averaging); Arivazhagan et
///          al., "Federated Learning with Personalization Layers", 2019 (own
///          heads).
result<network_weights>
federated_mean(std::span<const federation_member> members,
               std::span<const std::string_view> own);

} // namespace skerry
