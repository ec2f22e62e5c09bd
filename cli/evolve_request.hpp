#pragma once

#include "cli/training.hpp"
#include "evolution/archipelago.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace skerry {

/// What `evolve` is asked for, as typed.
struct evolve_flags : training_flags {
  std::string islands = "2";
  std::string optimisers = "cma-es";
  std::string topology = "ring";
  std::string migration = "every=10,count=1";
  std::string population = "0";
  std::string scenarios = "4";
  std::string budget; ///< Seconds; empty: not limited.
  std::string evaluations;
  std::string threads;
  std::string seed = "1";
  std::string checkpoint;
  bool resume = false;
  std::string out;
};

/// The same, understood.
struct evolve_request {
  training_target target;
  archipelago_options options;
  std::optional<double> seconds;
  std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
  std::size_t threads = 1;
};

void declare(evolve_flags& flags, CLI::App& subcommand);

/// @returns `invalid_argument` naming the flag, and what the readers return.
result<evolve_request> understand(const evolve_flags& flags);

/// What each island improves.
std::vector<const problem*> problems_of(const evolve_request& request);

} // namespace skerry
