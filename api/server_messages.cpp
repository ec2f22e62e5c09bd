#include "api/server_messages.hpp"

#include "api/access.hpp"
#include "scheduling/result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <google/protobuf/repeated_ptr_field.h>
#include <vector>

namespace skerry {
namespace {

using google::protobuf::RepeatedPtrField;

/// The kinds whose order matters, as agents take them.
struct kinds {
  int first = 6;
  int last = 0;
};

kinds kinds_of(const v1::ServerMessage& message) {
  const bool there[] = {!message.welcomes().empty(), !message.refused().empty(),
                        !message.starts().empty(), !message.stops().empty(),
                        !message.resizes().empty()};
  kinds found;
  for (int i = 0; i < 5; ++i)
    if (there[i]) {
      found.first = std::min(found.first, i);
      found.last = std::max(found.last, i);
    }
  return found;
}

template <class T>
void append(RepeatedPtrField<T>* from, RepeatedPtrField<T>* to) {
  if (from->empty())
    return;
  if (to->empty()) {
    to->Swap(from);
    return;
  }
  std::vector<T*> moved(static_cast<std::size_t>(from->size()));
  from->ExtractSubrange(0, from->size(), moved.data());
  to->Reserve(to->size() + static_cast<int>(moved.size()));
  for (auto* each : moved)
    to->AddAllocated(each);
}

template <class T, class Foreign>
void erase_if(RepeatedPtrField<T>* from, Foreign is_foreign) {
  from->erase(std::remove_if(from->begin(), from->end(), is_foreign),
              from->end());
}

} // namespace

bool may_merge(const v1::ServerMessage& first, const v1::ServerMessage& next) {
  return kinds_of(next).first >= kinds_of(first).last;
}

void merge(v1::ServerMessage&& from, v1::ServerMessage& into) {
  append(from.mutable_welcomes(), into.mutable_welcomes());
  append(from.mutable_refused(), into.mutable_refused());
  append(from.mutable_starts(), into.mutable_starts());
  append(from.mutable_stops(), into.mutable_stops());
  append(from.mutable_resizes(), into.mutable_resizes());
  append(from.mutable_acknowledges(), into.mutable_acknowledges());
  append(from.mutable_logs(), into.mutable_logs());
  if (from.has_keep_alive()) // The later one says more.
    into.mutable_keep_alive()->Swap(from.mutable_keep_alive());
}

v1::ServerMessage keep_own_nodes(std::string_view name,
                                 v1::AgentMessage& message) {
  v1::ServerMessage answer;
  erase_if(message.mutable_hellos(), [&](const v1::Hello& hello) {
    if (may_speak_for(name, hello.node().name()))
      return false;
    auto& refused = *answer.add_refused();
    refused.set_node(hello.node().name());
    refused.set_code(static_cast<int>(error_code::invalid_argument));
    refused.set_message(fmt::format(
        "node.name is not '{0}' and does not begin with '{0}-', as the agent's "
        "certificate asks for; rename the node, or make a certificate with "
        "'skerry certs agent {1}'",
        name, hello.node().name()));
    return true;
  });
  const auto is_foreign
      = [&](const auto& about) { return !may_speak_for(name, about.node()); };
  erase_if(message.mutable_reports(), is_foreign);
  erase_if(message.mutable_goodbyes(), is_foreign);
  erase_if(message.mutable_keep_alives(), [&](const v1::KeepAlive& of) {
    return !of.node().empty() && is_foreign(of);
  });
  return answer;
}

} // namespace skerry
