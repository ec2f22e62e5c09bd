#include "scheduling/resources.hpp"

#include <fmt/format.h>

#include <string>

namespace skerry {
namespace {

constexpr std::array<std::string_view, 4> builtin_names{"cpu", "memory", "disk",
                                                        "network"};

std::string describe(std::size_t kind) {
  if (kind < builtin_names.size())
    return std::string{builtin_names[kind]};
  return fmt::format("named resource {}", kind);
}

/// Applies `checked`, one of the overflow-reporting builtins, to every kind.
template <class Checked>
result<resources> combine(const resources& a, const resources& b,
                          std::string_view what, Checked checked) {
  resources out;
  for (std::size_t kind = 0; kind < max_resource_kinds; ++kind) {
    std::int64_t amount = 0;
    if (checked(a[kind], b[kind], &amount))
      return {error_code::limit_exceeded,
              fmt::format("{} of {} leaves the range of int64", what,
                          describe(kind))};
    out.set(static_cast<resource_kind>(kind), amount);
  }
  return out;
}

} // namespace

result<resources> plus(const resources& a, const resources& b) {
  return combine(a, b, "the sum", [](auto x, auto y, auto* sum) {
    return __builtin_add_overflow(x, y, sum);
  });
}

result<resources> minus(const resources& a, const resources& b) {
  return combine(a, b, "the difference", [](auto x, auto y, auto* difference) {
    return __builtin_sub_overflow(x, y, difference);
  });
}

std::string_view builtin_resource_name(resource_kind kind) {
  SKERRY_ASSERT(index_of(kind) < builtin_names.size());
  return builtin_names[index_of(kind)];
}

} // namespace skerry
