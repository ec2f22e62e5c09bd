#pragma once

#include "simulation/csv_reader.hpp"
#include "simulation/openb_track.hpp"

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include <doctest/doctest.h>

namespace skerry::testing {

/// Loads of the published table, each an index into `openb_loads`.
using published_row = std::array<double, openb_loads.size()>;
/// By list, policy and seed.
using published_table
    = std::map<std::tuple<std::string, std::string, std::uint64_t>,
               published_row>;

inline std::string published_column(int load) {
  return "at_" + std::to_string(load);
}

/// Allocated GPU % as the authors of the FGD paper published it.
inline published_table read_published(const std::filesystem::path& yardsticks) {
  published_table out;
  auto table = csv_reader::open(yardsticks
                                / "openb/published/allocated_gpu_percent.csv");
  REQUIRE(table);
  const auto text = [&](std::string_view column) {
    return std::string{table->field(*table->require(column)).text};
  };
  while (*table->next()) {
    auto& row = out[{text("list"), text("policy"), std::stoull(text("seed"))}];
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = std::stod(text(published_column(openb_loads[i])));
  }
  return out;
}

/// A published list with the orders of a seed.
inline openb_workload read_openb_yardstick(const std::filesystem::path& from,
                                           const std::string& list,
                                           std::uint64_t seed) {
  const auto openb = from / "openb";
  openb_workload out;
  out.nodes = *read_openb_nodes(openb / "openb_node_list_gpu_node.csv.gz");
  out.pods = *read_openb_pods(
      openb / "lists" / ("openb_pod_list_" + list + ".csv.gz"), out.nodes);
  out.arrivals = *read_openb_arrivals(
      openb / "orders" / ("order_" + list + ".csv.gz"), seed, out.pods.size());
  out.tie_order = *read_openb_tie_order(
      openb / "orders" / ("nodeprio_" + list + ".csv.gz"), seed, out.nodes);
  return out;
}

/// Ours minus the published value at each load.
inline published_row deviation_from_published(const openb_workload& workload,
                                              std::string_view policy,
                                              std::uint64_t seed,
                                              const published_row& published) {
  const auto report
      = run_openb_track(workload, policy, seed, placement_search::index, {});
  REQUIRE(report);
  published_row out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    REQUIRE(report->allocated_gpu_percent[i]);
    out[i] = *report->allocated_gpu_percent[i] - published[i];
  }
  return out;
}

/// The published values have two decimals: half of the last is rounding, the
/// other half is theirs, since the means were formed from rounded values.
inline constexpr double to_the_digit = 0.0101;

} // namespace skerry::testing
