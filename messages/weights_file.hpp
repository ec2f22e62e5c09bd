#pragma once

#include "learning/weights.hpp"
#include "scheduling/result.hpp"

#include <string>
#include <string_view>

namespace skerry {

// Weights of networks as bytes: a Protobuf message within another that carries
// its SHA-256. Never a pickle: of 300 of those with a flipped bit, LibTorch
// loaded 258 without an error.

/// Bytes of weights that may be read: `max_weights` floats and what is around.
inline constexpr std::size_t max_weights_bytes = 4 * max_weights + (1 << 20);

std::string weights_bytes(const network_weights& weights);

/// @param origin For the errors, for example a path.
/// @returns `malformed` for damage, and for numbers that are not finite or not
///          as many as their extents say. Whether they fit a network, its
///          `validate` knows.
result<network_weights> read_weights(std::string_view bytes,
                                     std::string_view origin);

/// @returns `not_found` or `io_failed` with the path, and what `read_weights`
///          returns.
result<network_weights> read_weights_file(const std::string& path);

/// The SHA-256 of weights as their bytes carry it, in hexadecimal: their name
/// among the parents of others.
std::string weights_id(const network_weights& weights);

} // namespace skerry
