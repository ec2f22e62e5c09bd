#pragma once

#include "learning/experience.hpp"
#include "messages/gateway.hpp"
#include "messages/skerry/mesh/v1/mesh.pb.h"
#include "scheduling/cell_policies.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <google/protobuf/message_lite.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace skerry {

/// The time, as actors' states are told it.
struct instant {
  std::int64_t steady_milliseconds = 0; ///< For leases and timeouts.
  std::int64_t unix_milliseconds = 0;   ///< For records and people.
};

/// What a state wants done after a message: nothing leaves the server before
/// all writes of the same outbox are on disk, but for bids. So an order, an
/// answer or a report never says what a crash could take back.
struct outbox {
  std::vector<store_write> writes;
  std::vector<mesh::v1::Envelope> envelopes;
  std::map<link_id, v1::ServerMessage> to_agents;
  std::vector<link_id> links_to_close;
  std::vector<std::function<void()>> replies; ///< To callers of the gateway.
  std::vector<v1::DecisionRecord> decisions;  ///< For the decision log.
  std::vector<experience> experiences;        ///< For REPLAY.
  std::vector<policy_fault> policy_faults;    ///< For the league.

  void put(std::string key, const google::protobuf::MessageLite& record) {
    writes.push_back({std::move(key), record.SerializeAsString()});
  }
  void erase(std::string key) {
    writes.push_back({std::move(key), std::nullopt});
  }
  v1::ServerMessage& agent(link_id link) { return to_agents[link]; }

  /// A new envelope; the sender's name is filled in on the way out.
  mesh::v1::Envelope& to(std::string server, mesh::v1::Envelope::Role role) {
    auto& envelope = envelopes.emplace_back();
    envelope.set_to(std::move(server));
    envelope.set_role(role);
    return envelope;
  }

  /// Takes out bids, asked for and given: they hold and promise nothing, so a
  /// crash cannot make them wrong, and they need not wait for the disk.
  std::vector<mesh::v1::Envelope> take_bids();

  /// Appends what `other` wants.
  void absorb(outbox other);

  bool empty() const {
    return writes.empty() && envelopes.empty() && to_agents.empty()
           && links_to_close.empty() && replies.empty() && decisions.empty()
           && experiences.empty() && policy_faults.empty();
  }
};

} // namespace skerry
