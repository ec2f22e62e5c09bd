#pragma once

#include "scheduling/cluster.hpp"
#include "simulation/statistics.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace skerry {

/// What is metered of tasks and nodes.
enum class metered : std::uint8_t {
  cpu = 0,    ///< millicores
  memory = 1, ///< MiB
  gpu = 2,    ///< milli, all models together
  fpga = 3,   ///< milli
};

inline constexpr std::size_t metered_kinds = 4;
inline constexpr std::array<std::string_view, metered_kinds> metered_names{
    "cpu", "memory", "gpu", "fpga"};

constexpr std::size_t index_of(metered kind) {
  return static_cast<std::size_t>(kind);
}

using metered_amounts = std::array<std::int64_t, metered_kinds>;

metered_amounts metered_of(const task_shape& shape);
metered_amounts metered_of(const node_spec& node);
/// Of a node, what is not free.
metered_amounts metered_in_use(const cluster& of, node_index node);

/// What a class of tasks got in a simulated cluster with a queue.
///
/// Counts are of the whole run. Amounts are means over the time measured;
/// distributions are over the tasks that arrived in it and were not refused.
struct queueing_statistics {
  std::uint64_t submitted = 0;
  std::uint64_t refused = 0; ///< At once: they fit nowhere, ever.
  std::uint64_t started = 0;
  std::uint64_t finished = 0;
  std::uint64_t pending_at_end = 0;
  std::array<double, metered_kinds> mean_allocated{};
  std::array<double, metered_kinds> mean_pending{};
  /// A task still pending at the end counts with its wait so far, a lower
  /// bound: to leave it out would reward who starves it.
  distribution wait_seconds = {};
  distribution wait_seconds_started = {}; ///< Without those.
  distribution bounded_slowdown = {};     ///< With those.

  friend bool operator==(const queueing_statistics&, const queueing_statistics&)
      = default;
};

/// Follows tasks through waiting and running, class by class.
///
/// Integrals over time are exact: integer amounts by milliseconds, 128 bits
/// wide. Time never runs backwards; what lies outside of the time measured is
/// cut off.
class queueing_meter {
public:
  queueing_meter(std::size_t classes, std::int64_t from_milliseconds,
                 std::int64_t until_milliseconds);

  void refused(std::size_t task_class);
  /// From now on the task waits.
  void arrived(std::size_t task_class, const metered_amounts& amounts,
               std::int64_t now);
  /// It waits no longer and runs.
  void started(std::size_t task_class, const metered_amounts& amounts,
               std::int64_t arrival, std::int64_t run, std::int64_t now);
  void finished(std::size_t task_class, const metered_amounts& amounts,
                std::int64_t now);
  /// At the end of the time measured.
  void still_pending(std::size_t task_class, std::int64_t arrival,
                     std::int64_t run);

  /// Of one class, up to the end of the time measured.
  queueing_statistics of_class(std::size_t task_class) const;
  /// Of all classes together.
  queueing_statistics of_all() const;

private:
  __extension__ using wide_integer = __int128;
  using integrals = std::array<wide_integer, metered_kinds>;

  struct class_meter {
    std::uint64_t submitted = 0;
    std::uint64_t refused = 0;
    std::uint64_t started = 0;
    std::uint64_t finished = 0;
    std::uint64_t pending_at_end = 0;
    std::int64_t seen = 0; ///< Integrals are up to here.
    metered_amounts allocated{};
    metered_amounts pending{};
    integrals allocated_integral{};
    integrals pending_integral{};
    std::vector<double> waits; ///< In s, of those that started.
    std::vector<double> waits_so_far;
    std::vector<double> slowdowns;
  };

  void advance(class_meter& meter, std::int64_t to) const;
  void add(const class_meter& from, class_meter& to) const;
  queueing_statistics summarise(class_meter meter) const;
  static void wait_of(class_meter& meter, std::vector<double>& waits,
                      std::int64_t wait, std::int64_t run);

  std::int64_t from_;
  std::int64_t until_;
  std::vector<class_meter> classes_;
};

} // namespace skerry
