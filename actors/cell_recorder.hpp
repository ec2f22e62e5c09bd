#pragma once

#include "actors/outbox.hpp"
#include "learning/experience_recorder.hpp"
#include "messages/skerry/mesh/v1/records.pb.h"
#include "scheduling/ledger.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace skerry {

/// Makes experience out of the decisions of an ALLOCATOR. Only looks on: what
/// it costs is bounded by `most_per_second`, and nothing depends on it.
class cell_recorder {
public:
  /// @param on Outlives the recorder.
  /// @pre `validate(options)`.
  cell_recorder(const experience_recorder_options& options, const ledger& on,
                std::uint64_t policy_version);

  /// Another policy decides from now on.
  void set_policy(std::uint64_t version) { policy_version_ = version; }

  void learn_of(std::span<const task_shape> workload) {
    recorder_.learn_of(workload);
  }

  /// @param chosen Nothing when no node could take it; the ledger has not
  ///               changed yet.
  void decided(const mesh::v1::Award& award, shape_id shape,
               const std::optional<placement>& chosen, instant now);

  /// @param submitted_ms Unix time; 0 when nobody said so.
  void ended(const mesh::v1::AllocationRecord& record,
             const v1::Outcome& outcome, std::int64_t submitted_ms);

  /// Hands on what is complete.
  void tick(instant now, outbox& out);
  /// There will be no more decisions: hands on all that has a next state.
  void finish(instant now, outbox& out);

private:
  const ledger* on_;
  experience_recorder recorder_;
  std::uint64_t policy_version_;
  std::vector<std::unique_ptr<placement_policy>> advisors_;
};

} // namespace skerry
