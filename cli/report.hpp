#pragma once

#include "cli/console.hpp"
#include "simulation/stopwatch.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Keeps keys in the order in which they are set, as the contracts list them.
using json = nlohmann::ordered_json;

/// The object itself for one run, an array for several.
std::string json_text(std::vector<json> runs);

/// {"p50", "p99"} in microseconds.
json decision_us_json(const timing& times);

/// Rows of cells under a header; the first columns are aligned to the left.
class text_table {
public:
  explicit text_table(std::vector<std::string> header,
                      std::size_t left_columns = 1);

  /// Control characters become `?`: a name may come from anywhere.
  /// @pre As many cells as the header has.
  void add(std::vector<std::string> row);

  /// Lines with their ends. A column is as wide as its widest cell.
  std::string text() const;

private:
  std::vector<std::vector<std::string>> rows_; ///< The first is the header.
  std::size_t left_columns_;
};

/// A figure of several runs; empty where a run did not give it.
using figures = std::vector<std::optional<double>>;

/// "95.23 (0.12)": mean and standard deviation (n - 1); the mean alone for one
/// value. "-" when a value is missing: a mean over the others would mislead.
std::string mean_cell(const figures& values, int decimals = 2);

/// "+1.20 +-0.31": the mean of `values[i] - base[i]` with half its 95 %
/// interval. "-" when a value is missing or there are fewer than two.
std::string difference_cell(const figures& values, const figures& base,
                            int decimals = 2);

/// "seed 42" or "seeds 42, 43".
std::string seeds_text(std::span<const std::uint64_t> seeds);

} // namespace skerry
