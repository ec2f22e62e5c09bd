#include "messages/weights_file.hpp"

#include "messages/skerry/v1/weights.pb.h"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <openssl/evp.h>
#include <system_error>
#include <utility>

namespace skerry {
namespace {

constexpr std::string_view float32 = "float32";

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  SKERRY_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size,
                           EVP_sha256(), nullptr)
                == 1);
  return {digest.begin(), digest.begin() + size};
}

v1::WeightsOrigin origin_to(const weights_origin& from) {
  v1::WeightsOrigin out;
  out.set_steps(from.steps);
  out.set_experiences(from.experiences);
  out.set_seed(from.seed);
  out.set_loss(from.loss);
  out.set_trained_on(from.trained_on);
  *out.mutable_parents() = {from.parents.begin(), from.parents.end()};
  out.set_made_by(from.made_by);
  out.set_command(from.command);
  return out;
}

weights_origin origin_from(const v1::WeightsOrigin& from) {
  return {.steps = from.steps(),
          .experiences = from.experiences(),
          .seed = from.seed(),
          .loss = from.loss(),
          .trained_on = from.trained_on(),
          .parents = {from.parents().begin(), from.parents().end()},
          .made_by = from.made_by(),
          .command = from.command()};
}

/// What the seal covers.
std::string content_of(const network_weights& weights) {
  v1::Weights out;
  out.set_feature_schema(weights.feature_schema);
  for (const auto& each : weights.tensors) {
    auto& tensor = *out.add_tensors();
    tensor.set_name(each.layout.name);
    *tensor.mutable_extents()
        = {each.layout.extents.begin(), each.layout.extents.end()};
    tensor.set_dtype(std::string{float32});
    *tensor.mutable_values() = {each.values.begin(), each.values.end()};
  }
  *out.mutable_origin() = origin_to(weights.origin);
  return out.SerializeAsString();
}

error damaged(std::string_view origin, std::string_view how) {
  return {error_code::malformed, fmt::format("{}: {}", origin, how)};
}

} // namespace

std::string weights_bytes(const network_weights& weights) {
  v1::SealedWeights out;
  out.set_content(content_of(weights));
  out.set_sha256(sha256(out.content()));
  return out.SerializeAsString();
}

result<network_weights> read_weights(std::string_view bytes,
                                     std::string_view origin) {
  v1::SealedWeights sealed;
  if (bytes.size() > max_weights_bytes)
    return damaged(origin, "too large for weights");
  if (!sealed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return damaged(origin, "no weights of a network");
  if (sealed.sha256() != sha256(sealed.content()))
    return damaged(origin, "damaged: its SHA-256 is of other contents");
  v1::Weights from;
  if (!from.ParseFromString(sealed.content()))
    return damaged(origin, "no weights of a network");
  network_weights out;
  out.feature_schema = from.feature_schema();
  std::vector<tensor_layout> layouts;
  for (const auto& each : from.tensors()) {
    if (each.dtype() != float32)
      return damaged(origin, fmt::format("{} is of {}, expected {}",
                                         each.name(), each.dtype(), float32));
    layouts.push_back(
        {each.name(), {each.extents().begin(), each.extents().end()}});
    out.tensors.push_back(
        {layouts.back(), {each.values().begin(), each.values().end()}});
  }
  if (auto ok = validate(out, out.feature_schema, layouts); !ok)
    return damaged(origin, ok.failure().message);
  out.origin = origin_from(from.origin());
  return out;
}

result<network_weights> read_weights_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return {
        errno == ENOENT ? error_code::not_found : error_code::io_failed,
        fmt::format("{}: {}", path, std::generic_category().message(errno))};
  std::string content(max_weights_bytes + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad())
    return {error_code::io_failed, fmt::format("{}: cannot be read", path)};
  return read_weights(content, path);
}

std::string weights_id(const network_weights& weights) {
  std::string out;
  for (const auto byte : sha256(content_of(weights)))
    out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

} // namespace skerry
