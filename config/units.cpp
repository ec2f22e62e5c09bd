#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <span>

namespace skerry {
namespace {

struct unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t kilo = 1000;
constexpr std::int64_t mega = kilo * 1000;
constexpr std::int64_t giga = mega * 1000;
constexpr std::int64_t tera = giga * 1000;
constexpr std::int64_t peta = tera * 1000;

constexpr std::array<unit, 24> byte_units{{
    {"", 1},
    {"B", 1},
    {"K", kilo},
    {"k", kilo},
    {"KB", kilo},
    {"kB", kilo},
    {"M", mega},
    {"MB", mega},
    {"G", giga},
    {"GB", giga},
    {"T", tera},
    {"TB", tera},
    {"P", peta},
    {"PB", peta},
    {"Ki", std::int64_t{1} << 10},
    {"KiB", std::int64_t{1} << 10},
    {"Mi", std::int64_t{1} << 20},
    {"MiB", std::int64_t{1} << 20},
    {"Gi", std::int64_t{1} << 30},
    {"GiB", std::int64_t{1} << 30},
    {"Ti", std::int64_t{1} << 40},
    {"TiB", std::int64_t{1} << 40},
    {"Pi", std::int64_t{1} << 50},
    {"PiB", std::int64_t{1} << 50},
}};

constexpr std::array<unit, 14> bit_units{{
    {"", 1},
    {"bps", 1},
    {"bit", 1},
    {"K", kilo},
    {"k", kilo},
    {"Kbps", kilo},
    {"kbps", kilo},
    {"M", mega},
    {"Mbps", mega},
    {"Mbit", mega},
    {"G", giga},
    {"Gbps", giga},
    {"Gbit", giga},
    {"Tbps", tera},
}};

constexpr std::array<unit, 5> time_units{{
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1000},
    {"ms", 1},
}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// "12.5" as 125 and one decimal.
struct decimal {
  std::int64_t digits = 0;
  int places = 0;
};

/// Takes the number at the front of `text`.
std::optional<decimal> take_decimal(std::string_view& text) {
  decimal number;
  std::size_t used = 0;
  bool point = false;
  std::size_t seen = 0;
  for (; used < text.size(); ++used) {
    const auto c = text[used];
    if (c == '.' && !point && seen > 0) {
      point = true;
      continue;
    }
    if (!is_digit(c))
      break;
    ++seen;
    if (__builtin_mul_overflow(number.digits, std::int64_t{10}, &number.digits)
        || __builtin_add_overflow(number.digits, std::int64_t{c - '0'},
                                  &number.digits))
      return std::nullopt;
    number.places += point ? 1 : 0;
  }
  if (seen == 0 || text[used - 1] == '.')
    return std::nullopt;
  text.remove_prefix(used);
  return number;
}

/// `number` times `factor`, when that is a whole number in range.
std::optional<std::int64_t> scaled(decimal number, std::int64_t factor) {
  while (number.places > 0 && number.digits % 10 == 0) {
    number.digits /= 10;
    --number.places;
  }
  __extension__ using wide = __int128;
  auto product = static_cast<wide>(number.digits) * factor;
  for (; number.places > 0; --number.places) {
    if (product % 10 != 0)
      return std::nullopt;
    product /= 10;
  }
  if (product > INT64_MAX)
    return std::nullopt;
  return static_cast<std::int64_t>(product);
}

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> in_units(std::string_view text,
                                     std::span<const unit> units) {
  auto rest = without_blanks(text);
  const auto number = take_decimal(rest);
  if (!number)
    return std::nullopt;
  rest = without_blanks(rest);
  const auto found = std::ranges::find(units, rest, &unit::name);
  if (found == units.end())
    return std::nullopt;
  return scaled(*number, found->factor);
}

result<std::int64_t> or_wanted(std::optional<std::int64_t> amount,
                               std::string_view text, std::string_view wanted) {
  if (amount)
    return *amount;
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not {}", text, wanted)};
}

/// At most `places` decimals, none that is zero at the end.
std::string short_number(double value, int places = 2) {
  auto text = fmt::format("{:.{}f}", value, places);
  while (text.ends_with('0'))
    text.pop_back();
  if (text.ends_with('.'))
    text.pop_back();
  return text;
}

std::string in_largest(std::int64_t amount, std::span<const unit> descending) {
  for (const auto& [name, factor] : descending)
    if (amount >= factor)
      return fmt::format("{} {}",
                         short_number(static_cast<double>(amount)
                                      / static_cast<double>(factor)),
                         name);
  return fmt::format("{} {}", amount, descending.back().name);
}

} // namespace

// -- reading ------------------------------------------------------------------

result<std::int64_t> parse_cpu_millicores(std::string_view text) {
  constexpr std::array<unit, 2> units{{{"", 1000}, {"m", 1}}};
  return or_wanted(in_units(text, units), text,
                   "a number of cores, for example 2, \"1.5\" or \"500m\"");
}

result<std::int64_t> parse_bytes(std::string_view text) {
  return or_wanted(in_units(text, byte_units), text,
                   "an amount of bytes, for example \"4GiB\" or \"512MB\"");
}

result<std::int64_t> parse_bits_per_second(std::string_view text) {
  return or_wanted(in_units(text, bit_units), text,
                   "bits per second, for example \"10Gbps\" or \"100Mbps\"");
}

result<std::int64_t> parse_milli(std::string_view text) {
  constexpr std::array<unit, 1> units{{{"", 1000}}};
  return or_wanted(in_units(text, units), text,
                   "a number with at most three decimals");
}

result<std::int64_t> parse_milliseconds(std::string_view text) {
  constexpr std::string_view wanted
      = "a duration, for example \"30s\", \"250ms\" or \"1h30m\"";
  auto rest = without_blanks(text);
  if (rest == "0")
    return std::int64_t{0};
  std::int64_t total = 0;
  auto last = INT64_MAX; // Units descend: "30s1h" is a slip.
  do {
    const auto number = take_decimal(rest);
    const auto letters = static_cast<std::size_t>(
        std::ranges::find_if(rest, is_digit) - rest.begin());
    const auto found
        = std::ranges::find(time_units, rest.substr(0, letters), &unit::name);
    if (!number || found == time_units.end() || found->factor >= last)
      return or_wanted(std::nullopt, text, wanted);
    const auto part = scaled(*number, found->factor);
    if (!part || __builtin_add_overflow(total, *part, &total))
      return or_wanted(std::nullopt, text, wanted);
    last = found->factor;
    rest.remove_prefix(letters);
  } while (!rest.empty());
  return total;
}

// -- writing ------------------------------------------------------------------

std::string milli_text(std::int64_t amount_milli) {
  auto text = fmt::format("{}{}.{:03}", amount_milli < 0 ? "-" : "",
                          std::abs(amount_milli / 1000),
                          std::abs(amount_milli % 1000));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.'))
    text.pop_back();
  return text;
}

std::string cpu_text(std::int64_t millicores) {
  if (millicores > 0 && millicores < 1000)
    return fmt::format("{}m", millicores);
  return milli_text(millicores);
}

std::string bytes_text(std::int64_t amount) {
  constexpr std::array<unit, 6> units{{
      {"PiB", std::int64_t{1} << 50},
      {"TiB", std::int64_t{1} << 40},
      {"GiB", std::int64_t{1} << 30},
      {"MiB", std::int64_t{1} << 20},
      {"KiB", std::int64_t{1} << 10},
      {"B", 1},
  }};
  return in_largest(amount, units);
}

std::string bits_per_second_text(std::int64_t amount) {
  constexpr std::array<unit, 5> units{{
      {"Tbps", tera},
      {"Gbps", giga},
      {"Mbps", mega},
      {"kbps", kilo},
      {"bps", 1},
  }};
  return in_largest(amount, units);
}

std::string milliseconds_text(std::int64_t milliseconds) {
  if (milliseconds == 0)
    return "0s";
  std::string text = milliseconds < 0 ? "-" : "";
  auto rest = milliseconds < 0 ? -milliseconds : milliseconds;
  for (const auto& [name, factor] : time_units) {
    if (factor == 1000 && rest > 1000 && rest % 1000 != 0) {
      text += milli_text(rest) + "s";
      return text;
    }
    if (rest / factor > 0)
      text += fmt::format("{}{}", rest / factor, name);
    rest %= factor;
  }
  return text;
}

std::string age_text(std::int64_t milliseconds) {
  for (const auto& [name, factor] : std::span{time_units}.first(3))
    if (milliseconds >= 2 * factor)
      return fmt::format("{}{}", milliseconds / factor, name);
  return fmt::format("{}s", std::max<std::int64_t>(milliseconds, 0) / 1000);
}

} // namespace skerry
