#include "evolution/migration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <utility>

namespace skerry {
namespace {

constexpr std::uint32_t most_generations = 1'000'000;
/// As many as the smallest populations have members.
constexpr std::uint32_t most_migrants = 64;
constexpr std::size_t tournament_size = 3;

constexpr std::array selections{
    std::pair{std::string_view{"best"}, migrant_selection::best},
    std::pair{std::string_view{"random"}, migrant_selection::random},
    std::pair{std::string_view{"tournament"}, migrant_selection::tournament}};
constexpr std::array replacements{
    std::pair{std::string_view{"worst"}, migrant_replacement::worst},
    std::pair{std::string_view{"random"}, migrant_replacement::random},
    std::pair{std::string_view{"if-better"}, migrant_replacement::if_better}};

error invalid(std::string message) {
  return {error_code::invalid_argument,
          fmt::format("migration: {}", std::move(message))};
}

template <class Table, class Value>
result<> read_name(std::string_view key, std::string_view text,
                   const Table& known, Value& out) {
  std::string names;
  for (const auto& [name, value] : known) {
    if (name == text) {
      out = value;
      return done{};
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  return invalid(fmt::format("{}: \"{}\" is none of {}", key, text, names));
}

result<> read_number(std::string_view key, std::string_view text,
                     std::uint32_t& out) {
  const auto* end = text.data() + text.size();
  const auto [read_to, fault] = std::from_chars(text.data(), end, out);
  if (fault != std::errc{} || read_to != end)
    return invalid(fmt::format("{}: \"{}\" is no whole number", key, text));
  return done{};
}

result<> read_part(std::string_view part, migration_policy& out) {
  const auto equals = part.find('=');
  const auto key = part.substr(0, equals);
  const auto value
      = equals == part.npos ? std::string_view{} : part.substr(equals + 1);
  if (key == "every")
    return read_number(key, value, out.every);
  if (key == "count")
    return read_number(key, value, out.count);
  if (key == "select")
    return read_name(key, value, selections, out.selection);
  if (key == "replace")
    return read_name(key, value, replacements, out.replacement);
  return invalid(fmt::format(
      "\"{}\" is none of every=N, count=N, select=HOW, replace=HOW", part));
}

} // namespace

result<> validate(const migration_policy& policy) {
  if (policy.every < 1 || policy.every > most_generations)
    return invalid(fmt::format("every is {}, must be 1 to {}", policy.every,
                               most_generations));
  if (policy.count > most_migrants)
    return invalid(fmt::format("count is {}, must be 0 to {}", policy.count,
                               most_migrants));
  return done{};
}

result<migration_policy> parse_migration(std::string_view text) {
  migration_policy out;
  if (text == "none") {
    out.count = 0;
    return out;
  }
  for (auto rest = text;;) {
    const auto comma = rest.find(',');
    if (auto ok = read_part(rest.substr(0, comma), out); !ok)
      return ok.failure();
    if (comma == rest.npos)
      break;
    rest.remove_prefix(comma + 1);
  }
  if (auto ok = validate(out); !ok)
    return ok.failure();
  return out;
}

std::string to_string(const migration_policy& policy) {
  return fmt::format("every={},count={},select={},replace={}", policy.every,
                     policy.count, to_string(policy.selection),
                     to_string(policy.replacement));
}

std::string_view to_string(migrant_selection selection) {
  return std::ranges::find(selections, selection,
                           [](const auto& entry) { return entry.second; })
      ->first;
}

std::string_view to_string(migrant_replacement replacement) {
  return std::ranges::find(replacements, replacement,
                           [](const auto& entry) { return entry.second; })
      ->first;
}

std::vector<std::size_t> select_migrants(std::span<const candidate> members,
                                         const migration_policy& policy,
                                         rng& random) {
  const auto count = std::min<std::size_t>(policy.count, members.size());
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto rounds = policy.selection == migrant_selection::tournament
                          ? tournament_size
                          : std::size_t{1};
  for (std::size_t i = 0; i < count; ++i) {
    if (policy.selection == migrant_selection::best)
      break;
    auto drawn = order.size();
    for (std::size_t round = 0; round < rounds; ++round) {
      const auto at = i + random.below(order.size() - i);
      if (drawn == order.size() || order[at] < order[drawn])
        drawn = at;
    }
    std::swap(order[i], order[drawn]);
  }
  order.resize(count);
  return order;
}

} // namespace skerry
