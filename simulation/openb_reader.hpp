#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace skerry {

/// Readers of the openb trace: the GPU cluster of Alibaba's
/// cluster-trace-gpu-v2023 as CSV, plain or gzip. Every error about the
/// content is `malformed` with file, line, column and reason.
/// @source Weng et al., "Beware of Fragmentation", USENIX ATC'23.

// -- limits -------------------------------------------------------------------

/// A million cores: far above any machine, and sums over a million nodes stay
/// in int64.
inline constexpr std::int64_t max_cpu_milli = 1'000'000'000;
/// 64 TiB, the largest machines sold; as bytes, sums over a hundred thousand
/// of them stay in int64.
inline constexpr std::int64_t max_memory_mib = std::int64_t{64} << 20;
/// Rows of a list and arrivals of a seed: a thousand times the published ones,
/// and some GB of memory.
inline constexpr std::size_t max_trace_rows = 10'000'000;
/// A pod may ask for more devices than any node has (and is never placed).
inline constexpr std::int64_t max_gpus_per_pod = 1000;
/// Thirty thousand years; differences of times stay exact as doubles.
inline constexpr std::int64_t max_trace_seconds = 1'000'000'000'000;

// -- rows ---------------------------------------------------------------------

struct openb_node {
  std::string name;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  std::int32_t gpus = 0;
  std::string model; ///< Empty only without GPUs.

  friend bool operator==(const openb_node&, const openb_node&) = default;
};

struct openb_pod {
  std::string name;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  std::int32_t num_gpu = 0;
  std::int32_t gpu_milli = 0; ///< Of each device: 1 to 1000; 0 without GPU.
  /// Any of these; empty for any. As listed: in the published lists some name
  /// a model twice.
  std::vector<std::string> gpu_models = {};
  std::int64_t creation_seconds = -1; ///< -1 where the list has none.
  std::int64_t deletion_seconds = -1;
  std::int64_t scheduled_seconds = -1;

  friend bool operator==(const openb_pod&, const openb_pod&) = default;
};

// -- files --------------------------------------------------------------------

/// Columns sn, cpu_milli, memory_mib, gpu, model. At least one row; names are
/// ids and differ.
result<std::vector<openb_node>> read_openb_nodes(const std::string& path);

/// Columns name, cpu_milli, memory_mib, num_gpu, gpu_milli and, where there,
/// gpu_spec ("A|B": allowed models), creation_time, deletion_time and
/// scheduled_time (seconds, blank for none). At least one row; names are ids
/// and differ. Cleaned as the protocol says: a gpu_milli over 1000 counts as
/// 1000, and pods without GPU have neither gpu_milli nor models.
/// @param nodes When given, a model that none of them has is refused: no node
///              could ever run the pod, which is more likely a slip.
result<std::vector<openb_pod>> read_openb_pods(const std::string& path,
                                               std::span<const openb_node> nodes
                                               = {});

/// Order of arrival: a column per seed, whose row k is the 0-based row in the
/// pod list of the k-th pod to arrive. A blank ends the sequence.
/// @returns Besides: `malformed` for an index of no pod, a value after the
///          blank, and a seed without column, naming those there are.
result<std::vector<std::uint32_t>> read_openb_arrivals(const std::string& path,
                                                       std::uint64_t seed,
                                                       std::size_t pod_count);

/// Tie-break ranks: the node's name in the column sn (or node), and a column
/// per seed. Every node has one row and a rank of its own.
/// @returns The rank of each node, in the order of `nodes`: the smaller wins
///          among equal scores. Besides: `malformed` for unknown, repeated and
///          missing nodes, equal ranks, and a seed without column.
result<std::vector<std::uint32_t>>
read_openb_tie_order(const std::string& path, std::uint64_t seed,
                     std::span<const openb_node> nodes);

} // namespace skerry
