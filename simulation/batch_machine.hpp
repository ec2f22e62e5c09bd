#pragma once

#include "scheduling/ledger.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace skerry {

/// The machine of a batch queue: equal processors, any of which will do.
///
/// One node of a ledger that has processors; a job is a task. So the
/// tables of queue orders come from the same code that places tasks in a live
/// cluster, and a job that does not fit cannot start.
class batch_machine {
public:
  /// @param processors 1 to 10^14.
  /// @param jobs       How many there will be; they are called 0, 1, ...
  batch_machine(std::int64_t processors, std::size_t jobs);

  std::int64_t free_processors() const;
  bool fits(std::int64_t processors) const {
    return processors <= free_processors();
  }

  /// @pre The job was not submitted before; `processors` is at least 1 and at
  ///      most what the machine has.
  void submit(std::size_t job, std::int64_t processors);
  /// @pre The job waits and fits.
  void start(std::size_t job);
  /// @pre The job runs.
  void finish(std::size_t job);

private:
  profile_id profile_of(std::int64_t processors);

  ledger ledger_;
  node_index node_{};
  std::vector<task_ref> tasks_;                           ///< By job.
  std::unordered_map<std::int64_t, profile_id> profiles_; ///< By processors.
};

} // namespace skerry
