#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skerry {

/// Numbers names densely in the order of their first use, so that the hot path
/// compares integers.
class name_table {
public:
  /// @param limit Names beyond it are refused.
  explicit name_table(std::size_t limit) : limit_{limit} {}

  /// Number of `name`, new if it was not known.
  /// @param what Names the table in the error.
  /// @returns `limit_exceeded`.
  result<std::uint32_t> intern(std::string_view name, std::string_view what);
  std::optional<std::uint32_t> find(std::string_view name) const;
  const std::string& operator[](std::size_t number) const {
    return names_[number];
  }
  std::size_t size() const { return names_.size(); }

private:
  struct string_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::size_t limit_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t, string_hash, std::equal_to<>>
      numbers_;
};

} // namespace skerry
