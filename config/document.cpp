#include "config/document.hpp"

#include <fmt/format.h>

#include <toml++/toml.h>

namespace skerry {
namespace {

text_place place_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

error malformed(const std::string& name, text_place at, std::string_view what) {
  return {error_code::malformed,
          fmt::format("{}:{}:{}: {}", name, at.line, at.column, what)};
}

document_value converted(const toml::node& node) {
  document_value out{.at = place_of(node.source())};
  switch (node.type()) {
  case toml::node_type::table: {
    document_value::table table;
    for (const auto& [key, value] : *node.as_table())
      table.emplace_back(
          document_key{std::string{key.str()}, place_of(key.source())},
          converted(value));
    out.value = std::move(table);
    break;
  }
  case toml::node_type::array: {
    document_value::array array;
    for (const auto& value : *node.as_array())
      array.push_back(converted(value));
    out.value = std::move(array);
    break;
  }
  case toml::node_type::string:
    out.value = node.as_string()->get();
    break;
  case toml::node_type::integer:
    out.value = node.as_integer()->get();
    break;
  case toml::node_type::floating_point:
    out.value = node.as_floating_point()->get();
    break;
  case toml::node_type::boolean:
    out.value = node.as_boolean()->get();
    break;
  default:
    out.value = document_value::other{"a date or time"};
  }
  return out;
}

} // namespace

std::string_view document_value::kind() const {
  struct names {
    std::string_view operator()(const std::string&) { return "a string"; }
    std::string_view operator()(std::int64_t) { return "a whole number"; }
    std::string_view operator()(double) { return "a number"; }
    std::string_view operator()(bool) { return "true or false"; }
    std::string_view operator()(const array&) { return "a list"; }
    std::string_view operator()(const table&) { return "a table"; }
    std::string_view operator()(const other& of) { return of.what; }
  };
  return std::visit(names{}, value);
}

result<document_value> parse_toml(std::string_view text,
                                  const std::string& name) {
  try {
    return converted(toml::parse(text, name));
  } catch (const toml::parse_error& fault) { // Toml++ has no other way here.
    return malformed(name, place_of(fault.source()), fault.description());
  }
}

} // namespace skerry
