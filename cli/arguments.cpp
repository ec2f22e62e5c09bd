#include "cli/arguments.hpp"

#include "messages/policy_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

namespace skerry {
namespace {

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number value{};
  const auto* last = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), last, value);
  if (fault != std::errc{} || stopped != last)
    return std::nullopt;
  return value;
}

error wrong(std::string_view flag, std::string_view text,
            std::string_view wanted) {
  return {error_code::invalid_argument,
          fmt::format("{}: \"{}\" is not {}", flag, text, wanted)};
}

error unknown_name(std::string_view flag, std::string_view text,
                   std::span<const std::string_view> known) {
  return {error_code::invalid_argument,
          fmt::format("{}: there is no \"{}\" (known: {})", flag, text,
                      fmt::join(known, ", "))};
}

} // namespace

result<std::vector<std::string>> parse_list(std::string_view flag,
                                            std::string_view text) {
  std::vector<std::string> items;
  while (true) {
    const auto comma = std::min(text.find(','), text.size());
    items.emplace_back(text.substr(0, comma));
    if (items.back().empty())
      return error{error_code::invalid_argument,
                   fmt::format("{}: an item of the list is empty", flag)};
    if (std::count(items.begin(), items.end(), items.back()) > 1)
      return error{
          error_code::invalid_argument,
          fmt::format("{}: \"{}\" is given twice", flag, items.back())};
    if (comma == text.size())
      return items;
    text.remove_prefix(comma + 1);
  }
}

result<std::vector<std::uint64_t>> parse_seeds(std::string_view flag,
                                               std::string_view text) {
  const auto items = parse_list(flag, text);
  if (!items)
    return items.failure();
  std::vector<std::uint64_t> seeds;
  for (const auto& item : *items) {
    const auto seed = number_in<std::uint64_t>(item);
    if (!seed)
      return wrong(flag, item, "a whole number from 0 to 2^64 - 1");
    if (std::ranges::count(seeds, *seed) > 0) // "1" and "01".
      return error{error_code::invalid_argument,
                   fmt::format("{}: {} is given twice", flag, *seed)};
    seeds.push_back(*seed);
  }
  return seeds;
}

result<std::vector<std::string>>
parse_names(std::string_view flag, std::string_view text,
            std::span<const std::string_view> known) {
  auto items = parse_list(flag, text);
  if (!items)
    return items;
  for (const auto& item : *items)
    if (std::ranges::count(known, item) == 0)
      return unknown_name(flag, item, known);
  return items;
}

std::string names_text(std::span<const std::string_view> names) {
  constexpr std::size_t width = 44; // Beside the flags, in 80 columns.
  std::string text = "Any of ";
  std::size_t used = text.size();
  for (const auto name : names) {
    if (used + name.size() + 2 > width) {
      text.back() = '\n'; // In place of the blank.
      used = 0;
    }
    text += name;
    text += name == names.back() ? "" : ", ";
    used += name.size() + 2;
  }
  return text;
}

result<std::size_t> parse_choice(std::string_view flag, std::string_view text,
                                 std::span<const std::string_view> known) {
  const auto found = std::ranges::find(known, text);
  if (found == known.end())
    return unknown_name(flag, text, known);
  return static_cast<std::size_t>(found - known.begin());
}

result<std::int64_t> parse_whole(std::string_view flag, std::string_view text,
                                 std::int64_t least, std::int64_t most) {
  const auto value = number_in<std::int64_t>(text);
  if (!value || *value < least || *value > most)
    return wrong(flag, text,
                 fmt::format("a whole number from {} to {}", least, most));
  return *value;
}

result<double> parse_decimal(std::string_view flag, std::string_view text,
                             double least, double most) {
  const auto value = number_in<double>(text);
  if (!value || !std::isfinite(*value) || *value < least || *value > most)
    return wrong(flag, text,
                 most < std::numeric_limits<double>::max()
                     ? fmt::format("a number from {} to {}", least, most)
                     : fmt::format("a number of {} or more", least));
  return *value;
}

result<std::vector<policy_choice>> parse_policies(std::string_view flag,
                                                  std::string_view text) {
  const auto names = parse_list(flag, text);
  if (!names)
    return names.failure();
  std::vector<policy_choice> out;
  for (const auto& name : *names) {
    auto found = find_policy(name);
    if (!found)
      return error{error_code::invalid_argument,
                   fmt::format("{}: {}", flag, found.failure().message)};
    out.push_back(*std::move(found));
  }
  return out;
}

std::string policies_text() {
  std::vector<std::string_view> names{shipped_policy_name};
  const auto known = placement_policy_names();
  names.insert(names.end(), known.begin(), known.end());
  return names_text(names)
         + ",\nor the path of a policy file; after an evolved one "
           "+policy:WEIGHTS\nor +value:NUMBER:WEIGHTS asks a network, too";
}

result<> understand_runs(const run_flags& flags, run_choice& into) {
  auto seeds = parse_seeds("--seed", flags.seeds);
  if (!seeds)
    return seeds.failure();
  into.seeds = *std::move(seeds);
  auto policies = parse_policies("--policy", flags.policies);
  if (!policies)
    return policies.failure();
  into.policies = *std::move(policies);
  constexpr std::array<std::string_view, 2> ways{"index", "scan"};
  const auto way = parse_choice("--search", flags.search, ways);
  if (!way)
    return way.failure();
  into.search = *way == 0 ? placement_search::index : placement_search::scan;
  return done{};
}

std::string workload_name(const std::string& path) {
  auto name = std::filesystem::path{path}.filename();
  if (name.extension() == ".gz")
    name = name.stem();
  return name.stem().string();
}

} // namespace skerry
