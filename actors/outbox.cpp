#include "actors/outbox.hpp"

#include <algorithm>
#include <iterator>

namespace skerry {

namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()),
            std::make_move_iterator(from.end()));
}

} // namespace

std::vector<mesh::v1::Envelope> outbox::take_bids() {
  const auto bids = std::stable_partition(
      envelopes.begin(), envelopes.end(), [](const auto& each) {
        return !each.has_bid_request() && !each.has_bid_reply();
      });
  std::vector<mesh::v1::Envelope> out{std::make_move_iterator(bids),
                                      std::make_move_iterator(envelopes.end())};
  envelopes.erase(bids, envelopes.end());
  return out;
}

void outbox::absorb(outbox other) {
  append(writes, std::move(other.writes));
  append(envelopes, std::move(other.envelopes));
  for (auto& [link, message] : other.to_agents)
    to_agents[link].MergeFrom(message);
  append(links_to_close, std::move(other.links_to_close));
  append(replies, std::move(other.replies));
  append(decisions, std::move(other.decisions));
  append(experiences, std::move(other.experiences));
  append(policy_faults, std::move(other.policy_faults));
}

} // namespace skerry
