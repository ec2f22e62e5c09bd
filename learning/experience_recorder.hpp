#pragma once

#include "learning/experience.hpp"
#include "learning/state_encoder.hpp"
#include "scheduling/placement_policy.hpp"
#include "scheduling/rng.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace skerry {

struct experience_recorder_options {
  std::uint64_t seed = 1; ///< Of the nodes that are looked at beside.
  /// Decisions from a state to its next one. Placements matter for as long as
  /// their task runs; a value bootstraps the rest.
  std::uint32_t steps = 16;
  double discount = 0.99; ///< For each step.
  reward_weights weights = {};
  /// Nodes tried at random for each decision; those on which the task fits are
  /// candidates, as far as there is room.
  std::size_t random_nodes = 24;
  /// Decisions a second that are recorded in the mean, and in a row: what
  /// bounds the cost. 0 records all.
  double most_per_second = 0;
  std::uint32_t in_a_row = 512;
  /// An experience waits for its task's end for so long; it is complete without
  /// then, and no more than so many wait.
  std::int64_t patience_ms = 600'000;
  std::size_t most_waiting = 8192;
};

/// @returns `invalid_argument` naming the first option at fault.
result<> validate(const experience_recorder_options& options);

/// A decision as its maker knows it.
struct decided_task {
  std::string_view id;
  task_facts facts = {};     ///< Its attempt is this one.
  double tenant_share = 0;   ///< Of what is allocated, [0, 1].
  std::uint32_t tenants = 1; ///< That have something allocated.
  /// Until when it was to end, seconds after it was submitted.
  std::optional<double> target_seconds = {};
};

/// Makes experience out of a stream of decisions.
///
///     decided -> window of n steps -> waits for its task -> take
///                  (next state)         (how it went)
///
/// The reward of each decision is added, discounted, to those that came up to n
/// steps before. A task that found no node is a step without an experience of
/// its own: there was nothing to choose.
///
/// Knows no clock: time is an argument.
class experience_recorder {
public:
  /// @param on Outlives the recorder.
  /// @pre `validate(options)`.
  experience_recorder(const experience_recorder_options& options,
                      const cluster& on,
                      std::span<const task_shape> workload = {});

  /// What features take for usual from now on.
  void learn_of(std::span<const task_shape> workload);

  /// Whether the next decision is recorded. If not, there is nothing to tell.
  bool wants(std::int64_t now_ms);

  /// @param chosen  Nothing when no node could take it. The cluster is as the
  ///                policy saw it: the amounts are not taken yet.
  /// @param advised What others would have chosen.
  /// @param propensity Of the choice, see `experience`.
  /// @pre   `wants` has just said so.
  void decided(const decided_task& task, shape_id shape,
               const std::optional<placement>& chosen,
               std::span<const placement> advised, float propensity,
               std::uint64_t policy_version, std::int64_t now_ms);

  /// Of any task, recorded or not.
  void ended(std::string_view id, std::uint32_t attempt,
             const task_ending& how);

  /// Decisions cease: what is in the window is cut short, or has ended with
  /// the world when there will be none any more.
  void cut(bool terminal);

  /// What is complete by now.
  std::vector<experience> take(std::int64_t now_ms);

  struct figures {
    std::uint64_t recorded = 0;
    std::uint64_t with_outcome = 0; ///< Of those that were taken.
    std::uint64_t waiting = 0;
  };
  figures measured() const;

private:
  struct open_experience {
    experience kept;
    double reward = 0;
    double reward_before = 0; ///< Without that of the last decision.
    std::string task;
    std::uint32_t attempt = 0;
    std::optional<double> target_seconds;
    bool stepped = false; ///< Has its next state.
  };
  struct step {
    std::optional<std::uint64_t> number; ///< None: found no node.
    std::uint32_t age = 0;               ///< Decisions since.
  };

  void add_candidates(const compiled_shape& shape, const placement& chosen,
                      std::span<const placement> advised, experience& to);
  void add_candidate(const compiled_shape& shape, node_index node,
                     std::optional<device_mask> devices, experience& to);
  reward_values terms_of(const decided_task& task, const compiled_shape& shape,
                         const experience* made) const;
  void step_on(const state_values& state);
  void add_reward(double reward);
  void has_stepped(std::uint64_t number);
  void complete(std::uint64_t number);

  experience_recorder_options options_;
  const cluster* on_;
  state_encoder states_;
  feature_extractor features_;
  rng random_;
  std::vector<double> powers_; ///< Of the discount.
  std::deque<step> window_;    ///< The oldest first.
  std::vector<std::pair<node_index, std::int32_t>> taken_; ///< Candidates.
  state_values last_state_{};
  std::unordered_map<std::uint64_t, open_experience> open_; ///< By number.
  std::unordered_map<std::string, std::uint64_t> by_task_;
  std::deque<std::pair<std::int64_t, std::uint64_t>> waiting_; ///< By time.
  std::vector<experience> complete_;
  std::uint64_t next_ = 0;
  std::uint32_t row_ = 0; ///< Decisions left of it.
  double tokens_ = 0;
  std::int64_t tokens_at_ms_ = -1;
  figures figures_;
};

} // namespace skerry
