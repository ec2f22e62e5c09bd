#include "learning/weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace skerry {
namespace {

error unfit(std::string text) {
  return {error_code::malformed, std::move(text)};
}

std::string text(const tensor_layout& layout) {
  return fmt::format("{} [{}]", layout.name, fmt::join(layout.extents, ", "));
}

/// Numbers there, all finite.
result<> check_values(const tensor& of) {
  if (of.values.size() != of.layout.size())
    return unfit(
        fmt::format("{} holds {} numbers", text(of.layout), of.values.size()));
  const auto bad = std::ranges::find_if_not(
      of.values, [](float value) { return std::isfinite(value); });
  if (bad != of.values.end())
    return unfit(fmt::format("{} holds {} at {}", text(of.layout), *bad,
                             bad - of.values.begin()));
  return done{};
}

std::vector<tensor_layout> layouts_of(const network_weights& weights) {
  std::vector<tensor_layout> out;
  for (const auto& each : weights.tensors)
    out.push_back(each.layout);
  return out;
}

bool begins_with_any(const std::string& name,
                     std::span<const std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&name](std::string_view prefix) {
    return name.starts_with(prefix);
  });
}

} // namespace

std::size_t tensor_layout::size() const {
  std::size_t out = 1;
  for (const auto extent : extents) {
    // Stays above every limit instead of wrapping around.
    if (extent > 0 && out > max_weights / extent)
      return max_weights + 1;
    out *= extent;
  }
  return out;
}

result<> validate(const network_weights& weights, std::uint64_t feature_schema,
                  std::span<const tensor_layout> expected) {
  if (weights.feature_schema != feature_schema)
    return unfit(
        fmt::format("the weights are for other features (schema {:016x}, this "
                    "version has {:016x}): train them again",
                    weights.feature_schema, feature_schema));
  if (weights.tensors.size() != expected.size())
    return unfit(fmt::format("{} tensors, expected {}", weights.tensors.size(),
                             expected.size()));
  for (std::size_t t = 0; t < expected.size(); ++t) {
    const auto& each = weights.tensors[t];
    if (each.layout != expected[t])
      return unfit(fmt::format("tensor {} is {}, expected {}", t,
                               text(each.layout), text(expected[t])));
    if (auto ok = check_values(each); !ok)
      return ok;
  }
  return done{};
}

result<network_weights>
federated_mean(std::span<const federation_member> members,
               std::span<const std::string_view> own) {
  if (members.empty())
    return {error_code::invalid_argument, "no weights to average"};
  const auto& first = *members.front().weights;
  const auto expected = layouts_of(first);
  double total = 0;
  for (std::size_t m = 0; m < members.size(); ++m) {
    if (!(members[m].share > 0) || !std::isfinite(members[m].share))
      return {error_code::invalid_argument,
              fmt::format("share {} of member {}, must be positive",
                          members[m].share, m)};
    if (auto ok = validate(*members[m].weights, first.feature_schema, expected);
        !ok)
      return unfit(fmt::format("member {}: {}", m, ok.failure().message));
    total += members[m].share;
  }
  network_weights out{first.feature_schema, first.tensors, {}};
  for (std::size_t t = 0; t < expected.size(); ++t) {
    if (begins_with_any(expected[t].name, own))
      continue;
    for (std::size_t i = 0; i < out.tensors[t].values.size(); ++i) {
      double mean = 0;
      for (const auto& member : members)
        mean += member.share / total
                * static_cast<double>(member.weights->tensors[t].values[i]);
      out.tensors[t].values[i] = static_cast<float>(mean);
    }
  }
  for (const auto& member : members) {
    out.origin.steps = std::max(out.origin.steps, member.weights->origin.steps);
    out.origin.experiences += member.weights->origin.experiences;
  }
  return out;
}

} // namespace skerry
