#pragma once

#include "actors/outbox.hpp"
#include "actors/shared_role.hpp"
#include "messages/caf_protobuf.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace skerry {

using tick_atom = caf::atom_constant<caf::atom("tick")>;

/// Work for a role that comes from this process: a call of the gateway, news
/// from ROSTER. Never leaves the process.
template <class Role>
struct role_call {
  std::function<void(Role&, instant, outbox&)> run;
};

/// The interface of JOBS and ALLOCATOR as actors.
template <class Role>
using role_actor = caf::typed_actor<
    /// Takes a message of this or another server.
    caf::reacts_to<mesh::v1::Envelope>,
    /// Runs a call of this process.
    caf::reacts_to<role_call<Role>>,
    /// Lets time pass.
    caf::reacts_to<tick_atom>>;

inline instant now() {
  using namespace std::chrono;
  return {duration_cast<milliseconds>(steady_clock::now().time_since_epoch())
              .count(),
          duration_cast<milliseconds>(system_clock::now().time_since_epoch())
              .count()};
}

/// Where a role gets the time from; a test has its own.
using role_clock = std::function<instant()>;

template <class Role>
struct role_state {
  static constexpr const char* name = "role";
  std::shared_ptr<shared_role<Role>> role;
};

/// The thin shell around a role: each message is taken by the role, and what
/// the role wants done is handed on, in order.
template <class Role>
typename role_actor<Role>::behavior_type role_behavior(
    typename role_actor<Role>::template stateful_pointer<role_state<Role>> self,
    std::shared_ptr<shared_role<Role>> role,
    std::function<void(outbox)> hand_on, std::chrono::milliseconds tick,
    role_clock clock) {
  self->state.role = std::move(role);
  self->send(self, tick_atom::value);
  auto with = [=](auto work) {
    outbox out;
    self->state.role->use([&](Role& state) { work(state, clock(), out); });
    if (!out.empty())
      hand_on(std::move(out));
  };
  return {[=](mesh::v1::Envelope& envelope) {
            with([&](Role& state, instant time, outbox& out) {
              state.take(envelope, time, out);
            });
          },
          [=](role_call<Role>& call) { with(call.run); },
          [=](tick_atom) {
            with([](Role& state, instant time, outbox& out) {
              state.tick(time, out);
            });
            self->delayed_send(self, tick, tick_atom::value);
          }};
}

} // namespace skerry
