// The islands of a server: their actors, and what they are told and tell.
#include "actors/running_server.hpp"
#include "actors/worker_behavior.hpp"
#include "messages/policy_file.hpp"
#include "scheduling/assert.hpp"

#include <fmt/core.h>

#include <caf/send.hpp>
#include <chrono>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(skerry::role_call<skerry::island_worker>)

//   tick -> worker.work() -> migrants --> deliver --> mesh, or this server's
//     ^        |                                        other islands
//     +-pause--+--> board --> who asks
//
// Each is a detached actor: its thread has the lowest priority, and its slices
// hold up nobody else's messages.

namespace skerry {

namespace {

struct island_actor_state {
  static constexpr const char* name = "island";
  std::unique_ptr<island_worker> role;
};

/// Messages for one island that wait while it evaluates; the senders' windows
/// are far below it.
constexpr std::uint32_t max_island_backlog = 256;

/// Where searches begin: the shipped policy, and that of this server.
void add_starts(const policy_choice& in_force, island_worker_options& into) {
  const auto shipped = weights_from(shipped_policy());
  SKERRY_ASSERT(shipped); // It is built in.
  into.starts.push_back(*shipped);
  into.start_names.emplace_back(shipped_policy_name);
  if (!in_force.weights || *in_force.weights == *shipped)
    return;
  into.starts.push_back(*in_force.weights);
  into.start_names.push_back(in_force.name);
}

} // namespace

void running_server::spawn_islands() {
  const std::function<void(outbox)> hand_on = [this](outbox out) {
    // Nothing of an island is durable, so nothing waits for the disk.
    for (auto& envelope : out.envelopes)
      deliver(std::move(envelope));
  };
  std::vector<island_entry> made;
  for (std::uint32_t i = 0; i < options_.islands.count; ++i) {
    island_worker_options how{.server = options_.name,
                              .version = options_.version,
                              .number = i,
                              .islands = options_.islands,
                              .checkpoint = options_.data_directory / "islands"
                                            / fmt::format("{}.checkpoint", i),
                              .board = board_,
                              .stop = islands_stop_,
                              .frozen = frozen_,
                              .look_at_cell = [this, i] { show_cell(i); },
                              .log = options_.log};
    add_starts(options_.cell.policy, how);
    made.push_back({system_->spawn<caf::detached>(
                        worker_behavior<island_worker, island_actor_state>,
                        std::make_shared<std::unique_ptr<island_worker>>(
                            std::make_unique<island_worker>(std::move(how))),
                        hand_on),
                    std::make_shared<std::atomic<std::uint32_t>>(0)});
  }
  {
    const std::unique_lock lock{roles_mutex_};
    islands_ = std::move(made);
  }
  tell_islands_of_peers();
}

void running_server::to_island(mesh::v1::Envelope envelope) {
  const auto number = envelope.has_migrants()
                          ? envelope.migrants().to_island()
                          : envelope.migrants_reply().to_island();
  if (number >= islands_.size())
    return; // Of another configuration of this server.
  const auto& [actor, backlog] = islands_[number];
  if (++*backlog > max_island_backlog) {
    --*backlog;
    return; // The sender takes it for lost.
  }
  caf::anon_send(actor,
                 role_call<island_worker>{
                     [backlog = backlog, envelope = std::move(envelope)](
                         island_worker& role, instant time, outbox& out) {
                       --*backlog;
                       role.take(envelope, time, out);
                     }});
}

void running_server::tell_islands_of_peers() {
  std::map<std::string, std::uint32_t> by_server;
  {
    const std::lock_guard lock{peers_mutex_};
    by_server = islands_at_;
  }
  by_server[options_.name] = options_.islands.count;
  const std::shared_lock lock{roles_mutex_};
  for (const auto& island : islands_)
    caf::anon_send(island.actor,
                   role_call<island_worker>{
                       [by_server](island_worker& role, instant, outbox&) {
                         role.set_islands(by_server);
                       }});
}

void running_server::show_cell(std::uint32_t island) {
  to_cell([this, island](allocator& role, instant, outbox&) {
    auto picture = std::make_shared<placement_picture>(role.picture());
    const std::shared_lock lock{roles_mutex_};
    if (island < islands_.size())
      caf::anon_send(islands_[island].actor,
                     role_call<island_worker>{
                         [picture](island_worker& worker, instant, outbox&) {
                           worker.set_cell(std::move(*picture));
                         }});
  });
}

v1::IslandsReply
running_server::islands_here(const v1::IslandsRequest& request) const {
  v1::IslandsReply out;
  for (auto& status : board_->all()) {
    if (!request.migrations())
      status.clear_migrations();
    if (!request.policies())
      status.clear_policy();
    *out.add_islands() = std::move(status);
  }
  return out;
}

void running_server::islands(v1::IslandsRequest request,
                             reply<v1::IslandsReply> then) {
  mesh::v1::Question question;
  *question.mutable_islands() = std::move(request);
  ask_all(mesh::v1::Envelope::NOBODY, std::move(question),
          [this, then = answered_for_sure(std::move(then))](
              const questions::answers& answers) {
            v1::IslandsReply all;
            for (const auto& [from, answer] : answers)
              all.mutable_islands()->MergeFrom(answer.islands().islands());
            for (const auto& name : missing(answers))
              all.add_unreachable_servers(name);
            then(std::move(all));
          });
}

} // namespace skerry
