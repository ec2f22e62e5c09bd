#include "config/reward_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

namespace skerry {

result<> set_weight(reward_weights& weights, std::string_view text) {
  const auto sign = text.find('=');
  const auto& table = reward_term_table();
  const auto* row
      = std::ranges::find(table, text.substr(0, sign), &reward_term_row::name);
  if (sign == text.npos || row == table.end()) {
    std::string known;
    for (const auto& each : table)
      known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
    return {
        error_code::invalid_argument,
        fmt::format("\"{}\" is not TERM=WEIGHT with one of {}", text, known)};
  }
  const auto number = text.substr(sign + 1);
  double weight = 0;
  const auto [end, fault]
      = std::from_chars(number.data(), number.data() + number.size(), weight);
  if (fault != std::errc{} || end != number.data() + number.size())
    return {error_code::invalid_argument,
            fmt::format("\"{}\": its weight is no number", text)};
  weights.of[static_cast<std::size_t>(row - table.begin())] = weight;
  return validate(weights);
}

} // namespace skerry
