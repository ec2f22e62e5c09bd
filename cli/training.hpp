#pragma once

#include "evolution/problem.hpp"
#include "messages/skerry/v1/policy.pb.h"
#include "scheduling/result.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {

/// What `evolve` optimises.
struct training_target {
  std::unique_ptr<problem> objective;
  /// What islands have for their own instead, round and round; may be empty.
  std::vector<std::unique_ptr<problem>> island_objectives;
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
  std::string island_objectives;  ///< Empty: the objective.
  std::vector<std::string> train; ///< "nodes=FILE,pods=FILE" and the like.
  std::string cluster_divisor = "6";
  std::string loads = "0.95"; ///< Offered, for departures.
  std::string start;          ///< Policies to begin at, beside the heuristics.
  std::string backfill = "easy";   ///< For queues.
  std::string estimates = "exact"; ///< Likewise.
};

/// The objective that is about queues instead of placing tasks.
inline constexpr std::string_view queue_goal_name = "swf";

/// Reads the files.
/// @returns `invalid_argument` naming the flag, and what the readers return.
result<training_target> understand_training(const training_flags& flags);
/// The same when the objective is `queue_goal_name`.
result<training_target> understand_queue_training(const training_flags& flags);

/// "KEY=VALUE,KEY=VALUE", as --train takes it, in order.
/// @returns `invalid_argument` for an item that has no value, or a key that is
///          none of `known`.
result<std::vector<std::pair<std::string, std::string>>>
parse_train(const std::string& text, std::span<const std::string_view> known);

/// What an optimiser sees of a problem that begins at other points first.
class started_at final : public problem {
public:
  /// @param first Genomes that fit `of`'s space.
  started_at(std::unique_ptr<problem> of, std::vector<genome> first);

  const search_space& space() const override { return space_; }
  double cost(std::span<const double> genes,
              std::uint64_t scenario) const override;

private:
  std::unique_ptr<problem> of_;
  search_space space_;
};

} // namespace skerry
