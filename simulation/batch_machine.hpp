#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry {

/// The machine of a batch queue: equal processors, any of which will do.
class batch_machine {
public:
  /// @param processors At least 1.
  /// @param jobs       How many there will be; they are called 0, 1, ...
  batch_machine(std::int64_t processors, std::size_t jobs);

  std::int64_t free_processors() const { return free_; }
  bool fits(std::int64_t processors) const { return processors <= free_; }

  /// @pre `fits(processors)`; the job has not started.
  void start(std::size_t job, std::int64_t processors);
  /// @pre The job has started and not finished.
  void finish(std::size_t job);

private:
  std::int64_t free_;
  std::vector<std::int64_t> held_; ///< By job; 0 while it does not run.
};

} // namespace skerry
