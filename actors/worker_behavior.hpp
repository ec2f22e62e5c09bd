#pragma once

#include "actors/outbox.hpp"
#include "actors/role_actor.hpp"

#include <caf/send.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace skerry {

/// An actor around a worker of low priority, which works in slices and says how
/// many milliseconds to pause between two; messages and calls come between
/// slices, and `finish` at the end.
template <class Worker, class State>
typename role_actor<Worker>::behavior_type worker_behavior(
    typename role_actor<Worker>::template stateful_pointer<State> self,
    const std::shared_ptr<std::unique_ptr<Worker>>& worker,
    const std::function<void(outbox)>& hand_on) {
  self->state.role = std::move(*worker);
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.role->finish(now());
    self->quit(exit.reason);
  });
  self->send(self, tick_atom::value);
  return {[=](mesh::v1::Envelope& envelope) {
            outbox out;
            self->state.role->take(envelope, now(), out);
            hand_on(std::move(out));
          },
          [=](role_call<Worker>& call) {
            outbox out;
            call.run(*self->state.role, now(), out);
            hand_on(std::move(out));
          },
          [=](tick_atom) {
            outbox out;
            const auto pause = self->state.role->work(now(), out);
            hand_on(std::move(out));
            if (pause > 0)
              self->delayed_send(self, std::chrono::milliseconds{pause},
                                 tick_atom::value);
            else
              self->send(self, tick_atom::value);
          }};
}

} // namespace skerry
