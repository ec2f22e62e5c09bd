#pragma once

#include "scheduling/result.hpp"
#include "simulation/dag_machine.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace skerry {

/// Which stage starts the next task.
///
/// fifo               Of the job that came first.
/// fair               Of the job that runs the fewest tasks.
/// weighted_fair      The same, a job's share falling with its work: it is the
///                    fair order that Decima was measured against, with the
///                    exponent of -1 that was best there.
/// sjf                Of the job with the least work that has not started.
/// critical_path      With the longest way to the end of its job.
/// sjf_critical_path  Of the job with the least work; within it, critical path.
/// sjf_stay           As sjf, but slots stay with their job while it has tasks
///                    to start: there is less to move.
///
/// All know expected times, none knows true ones.
///
/// @source Mao et al., "Learning scheduling algorithms for data processing
///         clusters", SIGCOMM 2019, section 7.1.
enum class dag_order : std::uint8_t {
  fifo,
  fair,
  weighted_fair,
  sjf,
  critical_path,
  sjf_critical_path,
  sjf_stay
};

std::span<const dag_order> all_dag_orders();
std::string_view to_string(dag_order order);
/// @returns `invalid_argument` listing the known names.
result<dag_order> find_dag_order(std::string_view name);

/// A fixed order, as `dag_machine` asks for it.
class dag_rule {
public:
  explicit dag_rule(dag_order order) : order_{order} {}

  dag_key key(const dag_machine& machine, std::uint32_t stage) const {
    const auto job = machine.job_of(stage);
    switch (order_) {
    case dag_order::fifo:
      return {static_cast<double>(job)};
    case dag_order::fair:
      return {static_cast<double>(machine.running(job))};
    case dag_order::weighted_fair:
      return {(machine.running(job) + 1) * machine.work_ms(job)};
    case dag_order::sjf:
      return {machine.left_ms(job), static_cast<double>(job)};
    case dag_order::critical_path:
      return {-machine.path_ms(stage)};
    case dag_order::sjf_critical_path:
      return {machine.left_ms(job), -machine.path_ms(stage)};
    case dag_order::sjf_stay:
      return {machine.warm(job) > 0 ? 0.0 : 1.0, machine.left_ms(job)};
    }
    return {};
  }

private:
  dag_order order_;
};

} // namespace skerry
