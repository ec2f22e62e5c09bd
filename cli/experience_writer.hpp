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

/// Where simulated runs leave their experience: --experience.
struct experience_flags {
  std::string directory; ///< Empty: not wanted.
};

void add_experience_flag(CLI::App& to, experience_flags& flags);

/// Writes experience of simulated runs as a server would, in batches.
class experience_writer {
public:
  /// @returns What `experience_store::open` returns.
  static result<std::unique_ptr<experience_writer>>
  open(const experience_flags& flags);

  /// For one run at a time; none when nothing is to be written.
  experience_tap* tap() { return store_ ? &tap_ : nullptr; }

  /// Writes what waits.
  /// @returns The first failure of all.
  result<> finish();

private:
  explicit experience_writer(std::unique_ptr<experience_store> store);
  void take(const experience& each);
  void write();

  std::unique_ptr<experience_store> store_;
  std::vector<std::string> waiting_;
  result<> failed_ = done{};
  experience_tap tap_;
};

} // namespace skerry
