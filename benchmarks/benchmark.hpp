#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace skerry {

/// What a case of a benchmark measured. Times are of one thread.
struct benchmark_case {
  std::string name; ///< Of the case, for example "index/1000".
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double cpu_seconds = 0; ///< Of the whole case, without its set-up.
  /// Further figures by name, for example bytes a node.
  std::vector<std::pair<std::string, double>> more = {};
};

using report_case = std::function<void(const benchmark_case&)>;

struct benchmark_options {
  std::uint64_t seed = 1;
  double seconds = 2;               ///< For each case, about.
  std::string trace_directory = {}; ///< The openb traces, where one needs them.
};

struct benchmark {
  std::string_view name;
  std::string_view description;
  /// Asserts that the work is done right, then reports case by case.
  /// @returns What is wrong with the options or the traces.
  result<> (*run)(const benchmark_options& options, const report_case& report);
};

/// All of them, in the order of their names.
std::span<const benchmark> all_benchmarks();

} // namespace skerry
