#include "simulation/openb_reader.hpp"

#include "scheduling/specs.hpp"
#include "simulation/csv_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace skerry {
namespace {

constexpr std::int64_t whole_gpu_milli = 1000;

/// Line of the first row that had a name, to point at from the second.
using line_of_name = std::unordered_map<std::string, std::uint64_t>;

/// Reads the fields of one row and remembers the first fault, so that a row is
/// read like a list and checked once at its end.
class row_reader {
public:
  explicit row_reader(const csv_reader& table) : table_{table} {}

  std::int64_t integer(std::size_t column, std::int64_t least,
                       std::int64_t most) {
    if (fault_)
      return least;
    auto number = table_.text().integer(table_.field(column),
                                        table_.header()[column], least, most);
    if (number)
      return *number;
    fault_ = number.failure();
    return least;
  }

  /// Seconds, or -1 for a blank or missing column. Whole numbers written as
  /// "12.0" pass: the published lists went through a table of doubles.
  std::int64_t seconds(std::optional<std::size_t> column) {
    if (!column || table_.field(*column).text.empty() || fault_)
      return -1;
    auto field = table_.field(*column);
    if (field.text.ends_with(".0"))
      field.text.remove_suffix(2);
    auto number = table_.text().integer(field, table_.header()[*column], 0,
                                        max_trace_seconds);
    if (number)
      return *number;
    fault_ = number.failure();
    return -1;
  }

  std::string id(std::size_t column) {
    const auto& field = table_.field(column);
    return checked_id(field.text, field.column, table_.header()[column]);
  }

  /// "A|B" as its ids, repeats kept: the published lists have "A|B|B", and
  /// fgd counts it as another class than "A|B".
  std::vector<std::string> ids(std::size_t column) {
    std::vector<std::string> all;
    const auto& field = table_.field(column);
    for (std::size_t from = 0; !field.text.empty() && !fault_;) {
      const auto bar = std::min(field.text.find('|', from), field.text.size());
      auto one = checked_id(field.text.substr(from, bar - from),
                            field.column + from, table_.header()[column]);
      all.push_back(std::move(one));
      if (bar == field.text.size())
        break;
      from = bar + 1;
    }
    return all;
  }

  void refuse_repeated(std::size_t column, const std::string& name,
                       line_of_name& seen) {
    const auto [first, is_new]
        = seen.try_emplace(name, table_.text().line_number());
    if (!is_new)
      complain(column,
               fmt::format("{} is already in line {}", name, first->second));
  }

  void complain(std::size_t column, std::string_view what) {
    if (!fault_)
      fault_ = table_.text().complain(table_.field(column).column, what);
  }

  const std::optional<error>& fault() const { return fault_; }

private:
  std::string checked_id(std::string_view text, std::size_t column,
                         std::string_view name) {
    if (const auto ok = validate_id(text, name); !ok && !fault_)
      fault_ = table_.text().complain(column, ok.failure().message);
    return std::string{text};
  }

  const csv_reader& table_;
  std::optional<error> fault_;
};

/// Goes to the next row; the end of a list without any row is an error.
result<bool> next_of_list(csv_reader& table, std::size_t rows_so_far,
                          std::string_view what) {
  auto more = table.next();
  if (more && !*more && rows_so_far == 0)
    return error{error_code::malformed,
                 fmt::format("{}:2:1: no {} after the header",
                             table.text().path(), what)};
  if (more && *more && rows_so_far == max_trace_rows)
    return table.text().complain(
        1, fmt::format("more than {} rows", max_trace_rows));
  return more;
}

/// Finds columns by name and remembers the first that is missing.
struct column_finder {
  const csv_reader& table;
  std::optional<error> fault = {};

  std::size_t operator()(std::string_view name) {
    const auto column = table.require(name);
    if (!column && !fault)
      fault = column.failure();
    return column ? *column : 0;
  }
};

} // namespace

// -- nodes --------------------------------------------------------------------

result<std::vector<openb_node>> read_openb_nodes(const std::string& path) {
  auto table = csv_reader::open(path);
  if (!table)
    return table.failure();
  column_finder find{*table};
  const auto name = find("sn");
  const auto cpu = find("cpu_milli");
  const auto memory = find("memory_mib");
  const auto gpus = find("gpu");
  const auto model = find("model");
  if (find.fault)
    return *find.fault;

  std::vector<openb_node> nodes;
  line_of_name seen;
  while (true) {
    const auto more = next_of_list(*table, nodes.size(), "node");
    if (!more)
      return more.failure();
    if (!*more)
      return nodes;
    row_reader row{*table};
    openb_node node;
    node.name = row.id(name);
    row.refuse_repeated(name, node.name, seen);
    node.cpu_milli = row.integer(cpu, 0, max_cpu_milli);
    node.memory_mib = row.integer(memory, 0, max_memory_mib);
    node.gpus
        = static_cast<std::int32_t>(row.integer(gpus, 0, max_devices_per_node));
    if (node.gpus > 0 || !table->field(model).text.empty())
      node.model = row.id(model);
    if (row.fault())
      return *row.fault();
    nodes.push_back(std::move(node));
  }
}

// -- pods ---------------------------------------------------------------------

namespace {

struct pod_columns {
  std::size_t name, cpu, memory, num_gpu, gpu_milli;
  std::optional<std::size_t> gpu_spec, creation, deletion, scheduled;
};

result<pod_columns> find_pod_columns(const csv_reader& table) {
  column_finder find{table};
  const pod_columns columns{
      find("name"),
      find("cpu_milli"),
      find("memory_mib"),
      find("num_gpu"),
      find("gpu_milli"),
      table.find("gpu_spec"),
      table.find("creation_time"),
      table.find("deletion_time"),
      table.find("scheduled_time"),
  };
  if (find.fault)
    return *find.fault;
  return columns;
}

using model_set = std::unordered_set<std::string>;

void read_gpus(row_reader& row, const pod_columns& columns,
               const model_set& known, openb_pod& pod) {
  pod.num_gpu = static_cast<std::int32_t>(
      row.integer(columns.num_gpu, 0, max_gpus_per_pod));
  const auto milli = row.integer(columns.gpu_milli, 0,
                                 std::numeric_limits<std::int32_t>::max());
  std::vector<std::string> models;
  if (columns.gpu_spec)
    models = row.ids(*columns.gpu_spec);
  if (pod.num_gpu == 0)
    return; // The protocol's clean-up.
  if (milli == 0)
    row.complain(columns.gpu_milli,
                 "a pod with GPUs asks for gpu_milli 0 (want 1 to 1000)");
  pod.gpu_milli = static_cast<std::int32_t>(std::min(milli, whole_gpu_milli));
  for (const auto& model : models)
    if (!known.empty() && !known.contains(model))
      row.complain(*columns.gpu_spec,
                   fmt::format("no node has the GPU model {}", model));
  pod.gpu_models = std::move(models);
}

void read_times(row_reader& row, const pod_columns& columns, openb_pod& pod) {
  pod.creation_seconds = row.seconds(columns.creation);
  pod.deletion_seconds = row.seconds(columns.deletion);
  pod.scheduled_seconds = row.seconds(columns.scheduled);
  if (pod.deletion_seconds >= 0 && pod.deletion_seconds < pod.creation_seconds)
    row.complain(*columns.deletion, "the pod is deleted before it is created");
  if (pod.scheduled_seconds >= 0
      && pod.scheduled_seconds < pod.creation_seconds)
    row.complain(*columns.scheduled,
                 "the pod is scheduled before it is created");
  if (pod.scheduled_seconds >= 0 && pod.deletion_seconds >= 0
      && pod.deletion_seconds < pod.scheduled_seconds)
    row.complain(*columns.deletion,
                 "the pod is deleted before it is scheduled");
}

} // namespace

result<std::vector<openb_pod>>
read_openb_pods(const std::string& path, std::span<const openb_node> nodes) {
  auto table = csv_reader::open(path);
  if (!table)
    return table.failure();
  const auto columns = find_pod_columns(*table);
  if (!columns)
    return columns.failure();
  model_set known;
  for (const auto& node : nodes)
    known.insert(node.model);

  std::vector<openb_pod> pods;
  line_of_name seen;
  while (true) {
    const auto more = next_of_list(*table, pods.size(), "pod");
    if (!more)
      return more.failure();
    if (!*more)
      return pods;
    row_reader row{*table};
    openb_pod pod;
    pod.name = row.id(columns->name);
    row.refuse_repeated(columns->name, pod.name, seen);
    pod.cpu_milli = row.integer(columns->cpu, 0, max_cpu_milli);
    pod.memory_mib = row.integer(columns->memory, 0, max_memory_mib);
    read_gpus(row, *columns, known, pod);
    read_times(row, *columns, pod);
    if (row.fault())
      return *row.fault();
    pods.push_back(std::move(pod));
  }
}

} // namespace skerry
