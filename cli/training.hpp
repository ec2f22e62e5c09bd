#pragma once

#include "evolution/problem.hpp"
#include "messages/skerry/v1/policy.pb.h"
#include "scheduling/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skerry {

/// What `evolve` optimises.
struct training_target {
  std::unique_ptr<problem> objective;
  std::vector<std::string> trained_on; ///< Workloads, by name.
  /// Heuristics that are points of the search space, to compare with.
  std::vector<std::pair<std::string, genome>> heuristics;
  /// A policy with the genome's weights, without provenance.
  std::function<v1::Policy(const std::string& name, const genome& genes)>
      policy_of;
};

/// What to train for, as typed.
struct training_flags {
  std::string objective = "openb";
  std::vector<std::string> train; ///< "nodes=FILE,pods=FILE" and the like.
  std::string cluster_divisor = "6";
  std::string start; ///< Policies to begin at, beside the heuristics.
};

/// Reads the files.
/// @returns `invalid_argument` naming the flag, and what the readers return.
result<training_target> understand_training(const training_flags& flags);

} // namespace skerry
