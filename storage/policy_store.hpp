#pragma once

#include "messages/skerry/mesh/v1/records.pb.h"
#include "scheduling/result.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

struct policy_store_options {
  /// Of the audit log; some 300 bytes each.
  std::size_t max_events = 1'000;
};

/// The policies of a league and its audit log, as records of the server's
/// store: their keys, their checks, and the bound of the log. Writes are
/// returned to whoever commits them, so that they go with others.
///
/// A record that cannot be trusted is no reason not to start, as placement goes
/// on by heuristic without any (P7): it is refused, told, and deleted.
class policy_store {
public:
  struct damaged_record {
    std::string key;
    std::string reason;
  };

  explicit policy_store(policy_store_options options = {})
      : options_{options} {}

  // -- start ------------------------------------------------------------------

  /// Takes one record of the store.
  /// @returns False for one of somebody else.
  bool recover(std::string_view key, std::string_view value);

  /// Those that can be read, with weights that are some.
  const std::vector<mesh::v1::PolicyRecord>& policies() const {
    return policies_;
  }
  const mesh::v1::LeagueRecord& state() const { return state_; }
  const std::vector<damaged_record>& damaged() const { return damaged_; }

  // -- writes -----------------------------------------------------------------

  /// @pre The policy is sealed.
  static store_write keep(const mesh::v1::PolicyRecord& policy);
  static store_write forget(std::string_view name);
  static store_write keep(const mesh::v1::LeagueRecord& state);
  /// Appends to the log, and drops the oldest beyond its bound.
  void append(v1::PolicyEvent what, std::vector<store_write>& into);

  /// The newest first.
  std::vector<v1::PolicyEvent> last(std::size_t limit) const;

private:
  void recover_policy(std::string_view key, std::string_view value);

  policy_store_options options_;
  std::vector<mesh::v1::PolicyRecord> policies_;
  mesh::v1::LeagueRecord state_;
  std::vector<damaged_record> damaged_;
  std::deque<v1::PolicyEvent> events_; ///< The oldest first.
  std::uint64_t next_event_ = 1;
};

} // namespace skerry
