#include "scheduling/catalog.hpp"

#include <fmt/format.h>

namespace skerry {

result<std::uint32_t> name_table::intern(std::string_view name,
                                         std::string_view what) {
  if (const auto known = find(name))
    return *known;
  if (names_.size() == limit_)
    return {error_code::limit_exceeded,
            fmt::format("{} {} is one more than the {} that are allowed", what,
                        name, limit_)};
  const auto number = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(names_.back(), number);
  return number;
}

std::optional<std::uint32_t> name_table::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end())
    return std::nullopt;
  return found->second;
}

} // namespace skerry
