#pragma once

#include "learning/experience_recorder.hpp"
#include "scheduling/ledger.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {

/// Called with each experience that is complete.
using experience_sink = std::function<void(const experience&)>;

/// Makes experience out of a simulated run: what a server would record of it,
/// with the choices of two heuristics among the candidates.
class experience_tap {
public:
  /// @pre `validate(options)`. Patience is of no matter: the run's end comes.
  experience_tap(experience_recorder_options options, experience_sink sink);

  /// A run begins.
  /// @param on Outlives the run.
  void begin(const ledger& on, const policy_choice& policy,
             std::span<const task_shape> workload);

  /// The policy has chosen, and the ledger has not changed yet.
  /// @param chosen Nothing when the task is refused or has to wait.
  void decided(std::string_view task, profile_id profile,
               const std::optional<placement>& chosen,
               std::int64_t wait_milliseconds, std::int64_t now_milliseconds);
  void ended(std::string_view task, std::int64_t wait_milliseconds,
             std::int64_t run_milliseconds);

  /// The run is over: there is no next state any more.
  void finish();

private:
  void hand_on();

  experience_recorder_options options_;
  experience_sink sink_;
  const ledger* on_ = nullptr;
  std::unique_ptr<experience_recorder> recorder_;
  std::vector<std::unique_ptr<placement_policy>> advisors_;
  std::uint64_t policy_version_ = 0;
};

} // namespace skerry
