#include "cli/report.hpp"

#include "scheduling/assert.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace skerry {
namespace {

/// 97.5 % quantile of Student's t.
double t_quantile(std::size_t degrees) {
  constexpr std::array<double, 30> table{
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
      2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
      2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  if (degrees <= table.size())
    return table[degrees - 1];
  // The first terms of its expansion in 1 / degrees: right to 0.001 from here.
  return 1.960 + 2.372 / static_cast<double>(degrees);
}

bool all_known(std::span<const std::optional<double>> values) {
  return std::ranges::all_of(values, [](const auto& v) { return !!v; });
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

text_table::text_table(std::vector<std::string> header) {
  rows_.push_back(std::move(header));
}

void text_table::add(std::vector<std::string> row) {
  SKERRY_ASSERT(row.size() == rows_.front().size());
  rows_.push_back(std::move(row));
}

std::string text_table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const auto& row : rows_) {
    out += fmt::format("{:<{}}", row.front(), widths.front());
    for (std::size_t i = 1; i < row.size(); ++i)
      out += fmt::format("  {:>{}}", row[i], widths[i]);
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

// -- statistics ---------------------------------------------------------------

sample sample_of(std::span<const double> values) {
  SKERRY_ASSERT(!values.empty());
  const auto n = static_cast<double>(values.size());
  sample out{.count = values.size()};
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() == 1)
    return out;
  double squares = 0;
  for (const auto value : values)
    squares += (value - out.mean) * (value - out.mean);
  out.deviation = std::sqrt(squares / (n - 1));
  out.interval = t_quantile(values.size() - 1) * out.deviation / std::sqrt(n);
  return out;
}

std::string mean_cell(std::span<const std::optional<double>> values,
                      int decimals) {
  if (values.empty() || !all_known(values))
    return "-";
  std::vector<double> known;
  for (const auto& value : values)
    known.push_back(*value);
  const auto found = sample_of(known);
  if (found.count == 1)
    return fmt::format("{:.{}f}", found.mean, decimals);
  return fmt::format("{:.{}f} ({:.{}f})", found.mean, decimals, found.deviation,
                     decimals);
}

std::string difference_cell(std::span<const std::optional<double>> values,
                            std::span<const std::optional<double>> base,
                            int decimals) {
  SKERRY_ASSERT(values.size() == base.size());
  if (values.size() < 2 || !all_known(values) || !all_known(base))
    return "-";
  std::vector<double> differences;
  for (std::size_t i = 0; i < values.size(); ++i)
    differences.push_back(*values[i] - *base[i]);
  const auto found = sample_of(differences);
  return fmt::format("{:+.{}f} +-{:.{}f}", found.mean, decimals, found.interval,
                     decimals);
}

std::string seeds_text(std::span<const std::uint64_t> seeds) {
  return fmt::format("{} {}", seeds.size() == 1 ? "seed" : "seeds",
                     fmt::join(seeds, ", "));
}

} // namespace skerry
