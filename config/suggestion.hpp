#pragma once

#include <span>
#include <string>
#include <string_view>

namespace skerry {

/// ` (did you mean "listen"?)`, or nothing when no candidate is near: at most a
/// third of the word's letters changed, added, dropped, or swapped with the
/// next.
/// @cost O(candidates * letters^2).
std::string suggestion(std::string_view word,
                       std::span<const std::string_view> candidates);

} // namespace skerry
