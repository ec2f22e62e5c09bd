#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace skerry {

/// Where something stands in a text; both count from 1. 0 when nowhere.
struct text_place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct document_key {
  std::string name;
  text_place at;
};

/// A value of a TOML or JSON text that knows its place. Keys keep the order of
/// the text in JSON and are sorted in TOML, whose parser sorts them.
struct document_value {
  using array = std::vector<document_value>;
  using table = std::vector<std::pair<document_key, document_value>>;
  /// For TOML's dates and times and JSON's null, which nobody here wants.
  struct other {
    std::string_view what;
  };

  text_place at;
  std::variant<std::string, std::int64_t, double, bool, array, table, other>
      value = other{"nothing"};

  /// "a string", "a table": for "is a string; wanted is ...".
  std::string_view kind() const;
};

/// Deeper nesting is not read: nothing of ours has even five levels, and the
/// parsers recurse.
inline constexpr std::size_t max_document_depth = 32;

/// @param name Of the file, for the error.
/// @returns `malformed` "NAME:LINE:COL: what" for a text that is not TOML.
result<document_value> parse_toml(std::string_view text,
                                  const std::string& name);

/// Strict JSON. A key that is given twice is an error.
/// @returns `malformed` "NAME:LINE:COL: what".
result<document_value> parse_json(std::string_view text,
                                  const std::string& name);

} // namespace skerry
