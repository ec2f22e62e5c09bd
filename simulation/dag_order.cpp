#include "simulation/dag_order.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace skerry {
namespace {

constexpr std::array<dag_order, 7> orders{
    dag_order::fifo,    dag_order::fair,          dag_order::weighted_fair,
    dag_order::sjf,     dag_order::critical_path, dag_order::sjf_critical_path,
    dag_order::sjf_stay};

constexpr std::array<std::string_view, 7> names{
    "fifo",    "fair",          "weighted-fair",
    "sjf",     "critical-path", "sjf-critical-path",
    "sjf-stay"};

} // namespace

std::span<const dag_order> all_dag_orders() {
  return orders;
}

std::string_view to_string(dag_order order) {
  return names[static_cast<std::size_t>(order)];
}

result<dag_order> find_dag_order(std::string_view name) {
  const auto* const found = std::ranges::find(names, name);
  if (found == names.end())
    return error{error_code::invalid_argument,
                 fmt::format("no order of stages is called \"{}\" (known: {})",
                             name, fmt::join(names, ", "))};
  return orders[static_cast<std::size_t>(found - names.begin())];
}

} // namespace skerry
