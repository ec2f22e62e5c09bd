#include "scheduling/specs.hpp"
#include "simulation/csv_reader.hpp"
#include "simulation/openb_reader.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace skerry {
namespace {

constexpr std::int64_t max_rank = std::numeric_limits<std::uint32_t>::max();

result<std::size_t> find_seed(const csv_reader& table, std::uint64_t seed,
                              std::size_t first_seed_column) {
  const auto name = std::to_string(seed);
  const auto column = table.find(name);
  if (column && *column >= first_seed_column)
    return *column;
  const std::vector<std::string> seeds(
      table.header().begin() + static_cast<std::ptrdiff_t>(first_seed_column),
      table.header().end());
  return error{error_code::malformed,
               fmt::format("{}:1:1: no column for seed {} (the file has: {})",
                           table.text().path(), seed, join_some(seeds))};
}

} // namespace

result<std::vector<std::uint32_t>> read_openb_arrivals(const std::string& path,
                                                       std::uint64_t seed,
                                                       std::size_t pod_count) {
  auto table = csv_reader::open(path);
  if (!table)
    return table.failure();
  const auto column = find_seed(*table, seed, 0);
  if (!column)
    return column.failure();
  // A tie order has columns of the same names, and would be read in silence.
  for (const auto& name : table->header())
    if (name.find_first_not_of("0123456789") != name.npos)
      return error{error_code::malformed,
                   fmt::format("{}:1:1: column {} is no seed (arrivals have "
                               "seeds alone; is this the tie order?)",
                               path, name)};

  std::vector<std::uint32_t> arrivals;
  std::uint64_t ended_in_line = 0;
  const auto last_row = static_cast<std::int64_t>(pod_count) - 1;
  while (true) {
    const auto more = table->next();
    if (!more)
      return more.failure();
    if (!*more)
      break;
    const auto& field = table->field(*column);
    if (field.text.empty()) {
      if (ended_in_line == 0)
        ended_in_line = table->text().line_number();
      continue;
    }
    if (ended_in_line != 0)
      return table->text().complain(
          field.column, fmt::format("an arrival after the blank in line {} "
                                    "that ends the sequence of seed {}",
                                    ended_in_line, seed));
    if (arrivals.size() == max_trace_rows)
      return table->text().complain(
          field.column, fmt::format("more than {} arrivals", max_trace_rows));
    const auto row = table->text().integer(field, "the pod's row", 0, last_row);
    if (!row)
      return row.failure();
    arrivals.push_back(static_cast<std::uint32_t>(*row));
  }
  if (arrivals.empty())
    return error{error_code::malformed,
                 fmt::format("{}:2:1: no arrival for seed {}", path, seed)};
  return arrivals;
}

namespace {

/// Rows of a tie-order file as they come, held against the node list.
class tie_order {
public:
  explicit tie_order(std::span<const openb_node> nodes)
      : nodes_{nodes}, ranks_(nodes.size()), line_of_node_(nodes.size()) {
    for (const auto& node : nodes)
      index_of_name_.try_emplace(node.name, index_of_name_.size());
  }

  std::optional<error> add(const csv_reader& table, std::size_t name_column,
                           std::size_t rank_column) {
    const auto& name = table.field(name_column);
    const auto found = index_of_name_.find(std::string{name.text});
    if (found == index_of_name_.end())
      return table.text().complain(
          name.column, fmt::format("node {} is not in the node list",
                                   name.text.substr(0, max_id_length)));
    const auto node = found->second;
    if (line_of_node_[node] != 0)
      return table.text().complain(name.column,
                                   fmt::format("{} is already in line {}",
                                               name.text, line_of_node_[node]));
    line_of_node_[node] = table.text().line_number();
    const auto& field = table.field(rank_column);
    const auto rank = table.text().integer(field, "the rank", 0, max_rank);
    if (!rank)
      return rank.failure();
    ranks_[node] = static_cast<std::uint32_t>(*rank);
    const auto [first, is_new]
        = line_of_rank_.try_emplace(ranks_[node], table.text().line_number());
    if (!is_new)
      return table.text().complain(
          field.column, fmt::format("rank {} is already given in line {}",
                                    *rank, first->second));
    return std::nullopt;
  }

  result<std::vector<std::uint32_t>> finish(const text_reader& text) && {
    for (std::size_t node = 0; node < nodes_.size(); ++node)
      if (line_of_node_[node] == 0)
        return text.complain(1, fmt::format("the file ends without a rank for "
                                            "node {}",
                                            nodes_[node].name));
    return std::move(ranks_);
  }

private:
  std::span<const openb_node> nodes_;
  std::vector<std::uint32_t> ranks_;
  std::vector<std::uint64_t> line_of_node_; ///< 0 until seen.
  std::unordered_map<std::string, std::size_t> index_of_name_;
  std::unordered_map<std::uint32_t, std::uint64_t> line_of_rank_;
};

} // namespace

result<std::vector<std::uint32_t>>
read_openb_tie_order(const std::string& path, std::uint64_t seed,
                     std::span<const openb_node> nodes) {
  auto table = csv_reader::open(path);
  if (!table)
    return table.failure();
  const auto name
      = table->find("node") ? table->find("node") : table->find("sn");
  if (!name)
    return table->require("sn").failure();
  const auto rank = find_seed(*table, seed, *name + 1);
  if (!rank)
    return rank.failure();

  tie_order order{nodes};
  while (true) {
    const auto more = table->next();
    if (!more)
      return more.failure();
    if (!*more)
      return std::move(order).finish(table->text());
    if (auto fault = order.add(*table, *name, *rank))
      return *std::move(fault);
  }
}

} // namespace skerry
