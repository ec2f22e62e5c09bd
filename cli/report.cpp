#include "cli/report.hpp"

#include "scheduling/assert.hpp"
#include "simulation/statistics.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace skerry {
namespace {

/// Nothing when a value is missing.
std::vector<double> known_values(const figures& values) {
  std::vector<double> known;
  for (const auto& value : values)
    if (value)
      known.push_back(*value);
  if (known.size() < values.size())
    known.clear();
  return known;
}

/// Standard deviation (n - 1).
double deviation(std::span<const double> values, double mean) {
  double squares = 0;
  for (const auto value : values)
    squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

} // namespace

std::string json_text(std::vector<json> runs) {
  auto all = runs.size() == 1 ? std::move(runs.front()) : json(std::move(runs));
  // A workload is called as its file, whose name may be any bytes.
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

json decision_us_json(const timing& times) {
  return {{"p50", times.p50_us}, {"p99", times.p99_us}};
}

// -- tables -------------------------------------------------------------------

text_table::text_table(std::vector<std::string> header,
                       std::size_t left_columns)
    : left_columns_{left_columns} {
  rows_.push_back(std::move(header));
}

void text_table::add(std::vector<std::string> row) {
  SKERRY_ASSERT(row.size() == rows_.front().size());
  for (auto& cell : row)
    cell = printable(cell);
  rows_.push_back(std::move(row));
}

std::string text_table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i)
      out += fmt::format(
          fmt::runtime(i < left_columns_ ? "{}{:<{}}" : "{}{:>{}}"),
          i == 0 ? "" : "  ", row[i], widths[i]);
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

// -- statistics ---------------------------------------------------------------

std::string mean_cell(const figures& values, int decimals) {
  const auto known = known_values(values);
  if (known.empty())
    return "-";
  const auto mean = mean_interval_of(known).mean;
  if (known.size() == 1)
    return fmt::format("{:.{}f}", mean, decimals);
  return fmt::format("{:.{}f} ({:.{}f})", mean, decimals,
                     deviation(known, mean), decimals);
}

std::string difference_cell(const figures& values, const figures& base,
                            int decimals) {
  SKERRY_ASSERT(values.size() == base.size());
  const auto of = known_values(values);
  const auto against = known_values(base);
  if (of.size() < 2 || against.size() < 2)
    return "-";
  const auto found = paired_difference(of, against);
  return fmt::format("{:+.{}f} +-{:.{}f}", found.mean, decimals,
                     found.half_width, decimals);
}

std::string seeds_text(std::span<const std::uint64_t> seeds) {
  return fmt::format("{} {}", seeds.size() == 1 ? "seed" : "seeds",
                     fmt::join(seeds, ", "));
}

} // namespace skerry
