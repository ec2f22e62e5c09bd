#pragma once

#include "scheduling/result.hpp"
#include "simulation/experience_tap.hpp"
#include "storage/experience_store.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace skerry {

/// Where simulated runs leave their experience, and how what came of a decision
/// counts in it: --experience, --discount, --reward.
struct experience_flags {
  std::string directory; ///< Empty: not wanted.
  double discount = experience_recorder_options{}.discount;
  std::vector<std::string> reward = {}; ///< TERM=WEIGHT, beside the defaults.
};

void add_experience_flag(CLI::App& to, experience_flags& flags);

/// Writes experience of simulated runs as a server would, in batches.
class experience_writer {
public:
  /// @returns `invalid_argument` for a weight that is none; what
  ///          `experience_store::open` returns.
  static result<std::unique_ptr<experience_writer>>
  open(const experience_flags& flags);

  /// For one run at a time; none when nothing is to be written.
  experience_tap* tap() { return store_ ? &tap_ : nullptr; }

  /// Writes what waits.
  /// @returns The first failure of all.
  result<> finish();

private:
  experience_writer(std::unique_ptr<experience_store> store,
                    const experience_recorder_options& options);
  void take(const experience& each);
  void write();

  std::unique_ptr<experience_store> store_;
  std::vector<std::string> waiting_;
  result<> failed_ = done{};
  experience_tap tap_;
};

} // namespace skerry
