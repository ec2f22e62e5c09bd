#include "tests/layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace skerry::testing {

namespace {

std::vector<std::string> words(std::string_view text) {
  std::istringstream in{std::string{text}};
  std::vector<std::string> found;
  for (std::string word; in >> word;)
    found.push_back(word);
  return found;
}

std::set<std::string> word_set(std::string_view text) {
  const auto found = words(text);
  return {found.begin(), found.end()};
}

/// `line` is "room NAME: ROOMS | FAMILIES" without the colon's left side.
result<> add_room(layer_table& table, const std::string& name,
                  std::string_view uses) {
  const auto bar = uses.find('|');
  layer_table::room room{.rooms = word_set(uses.substr(0, bar)),
                         .families = bar == std::string_view::npos
                                         ? std::set<std::string>{}
                                         : word_set(uses.substr(bar + 1))};
  for (const auto& used : room.rooms)
    if (!table.rooms.contains(used))
      return error{
          error_code::malformed,
          fmt::format("{} uses {}, which is not above it", name, used)};
  room.rooms.insert(name);
  if (!table.rooms.emplace(name, std::move(room)).second)
    return error{error_code::malformed, name + " has two lines"};
  return done{};
}

result<> add_line(layer_table& table, const std::string& line) {
  const auto colon = line.find(": ");
  const auto left = words(line.substr(0, colon));
  if (colon == std::string::npos || left.size() < 2)
    return error{error_code::malformed, "expected 'room|only|never NAME: ...'"};
  const auto right = std::string_view{line}.substr(colon + 2);
  if (left.front() == "room" && left.size() == 2)
    return add_room(table, left[1], right);
  for (auto family = left.begin() + 1; family != left.end(); ++family) {
    if (left.front() == "only")
      table.only[*family].merge(word_set(right));
    else if (left.front() == "never")
      table.never[*family].merge(word_set(right));
    else
      return error{error_code::malformed, "unknown rule " + left.front()};
  }
  return done{};
}

struct include {
  std::string path;
  bool quoted = false;
};

std::optional<include> include_of(std::string_view line) {
  const auto skip_blanks = [&] {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  };
  const auto skip = [&](std::string_view token) {
    skip_blanks();
    const bool there = line.starts_with(token);
    line.remove_prefix(there ? token.size() : 0);
    return there;
  };
  if (!skip("#") || !skip("include"))
    return std::nullopt;
  const bool quoted = skip("\"");
  if (!quoted && !skip("<"))
    return std::nullopt;
  return include{std::string{line.substr(0, line.find_first_of("\">"))},
                 quoted};
}

/// fmt of "fmt/core.h", zlib of "zlib.h", vector of "vector".
std::string family_of(const std::string& path) {
  return path.substr(0, path.find_first_of("/."));
}

bool is_standard(const std::string& path) {
  return path.find_first_of("/.") == std::string::npos;
}

/// Why the rules forbid this include, or nothing.
std::optional<std::string> why_forbidden(const layer_table& table,
                                         const source_file& file,
                                         const include& found) {
  const auto room_name = room_of(file.path);
  const auto& room = table.rooms.at(room_name);
  if (found.quoted) {
    const auto target = room_of(found.path);
    if (!table.rooms.contains(target))
      return fmt::format("\"{}\" names no room of tests/layers.txt",
                         found.path);
    if (!room.rooms.contains(target))
      return fmt::format("{} may not include {} (\"{}\")", room_name, target,
                         found.path);
    return std::nullopt;
  }
  const auto family = family_of(found.path);
  const auto only = table.only.find(family);
  if (only != table.only.end() && !only->second.contains(file.path))
    return fmt::format("<{}> may be included by {} only", found.path,
                       fmt::join(only->second, ", "));
  const auto never = table.never.find(family);
  if (never != table.never.end() && never->second.contains(room_name))
    return fmt::format("<{}> is never for {}", found.path, room_name);
  if (!is_standard(found.path) && !room.families.contains(family))
    return fmt::format("{} may not include {} (<{}>)", room_name, family,
                       found.path);
  return std::nullopt;
}

} // namespace

result<layer_table> parse_layers(std::string_view text) {
  layer_table table;
  const auto file = make_source("tests/layers.txt", text);
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const auto line = file.lines[i].substr(0, file.lines[i].find('#'));
    if (words(line).empty())
      continue;
    if (const auto added = add_line(table, line); !added)
      return error{
          error_code::malformed,
          fmt::format("{}:{}: {}", file.path, i + 1, added.failure().message)};
  }
  return table;
}

std::vector<std::string> layer_violations(const layer_table& table,
                                          const source_file& file) {
  const auto room = room_of(file.path);
  if (!table.rooms.contains(room))
    return {fmt::format("{}:1: no room {} in tests/layers.txt", file.path,
                        room.empty() ? "for the root" : room)};
  std::vector<std::string> violations;
  for (std::size_t i = 0; i < file.lines.size(); ++i)
    if (const auto found = include_of(file.lines[i]))
      if (const auto why = why_forbidden(table, file, *found))
        violations.push_back(fmt::format("{}:{}: {}", file.path, i + 1, *why));
  return violations;
}

} // namespace skerry::testing
