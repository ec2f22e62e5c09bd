#pragma once

#include "cli/console.hpp"
#include "evolution/archipelago.hpp"
#include "scheduling/result.hpp"

#include <chrono>
#include <span>
#include <string>

namespace skerry {

/// Keeps a search in a file, so that it can go on after its process has ended.
class evolve_checkpoint {
public:
  /// @param path   Empty: nothing is kept.
  /// @param resume Go on from what the file holds.
  /// @param search What must be the same for that.
  evolve_checkpoint(std::string path, bool resume, std::string search);

  /// @returns `invalid_argument` when there is nothing to resume, when there is
  ///          and nobody wants it, or when it is damaged or of another search.
  result<archipelago> begin(const archipelago_options& options,
                            std::span<const problem* const> problems) const;

  /// Between two epochs: writes the file if the last one is old.
  void look_at(const archipelago& islands, console& out);
  /// @returns `io_failed`.
  result<> keep(const archipelago& islands);

private:
  using clock = std::chrono::steady_clock;

  std::string path_;
  bool resume_;
  std::string search_;
  clock::time_point kept_ = clock::now();
};

} // namespace skerry
