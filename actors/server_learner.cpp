// The learner of a server: its actor, and what it is told and tells.
#include "actors/running_server.hpp"
#include "actors/worker_behavior.hpp"

#include <caf/send.hpp>
#include <chrono>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(skerry::role_call<skerry::learner_worker>)

//   tick -> worker.work() --> weights --deliver--> learners of other servers
//     ^        ^     |
//     +-pause--|-----+--> board --> who asks
//              |
//   experience_ring <-- whoever records
//
// A detached actor: its thread has the lowest priority, and no decision waits
// for it.

namespace skerry {
namespace {

struct learner_actor_state {
  static constexpr const char* name = "learner";
  std::unique_ptr<learner_worker> role;
};

} // namespace

void running_server::spawn_learner() {
  if (!options_.learner.on)
    return;
  learner_worker_options how{.server = options_.name,
                             .version = options_.version,
                             .learner = options_.learner,
                             .checkpoint = options_.data_directory / "learner"
                                           / "checkpoint.weights",
                             .from = experience_,
                             .board = learner_board_,
                             .stop = islands_stop_,
                             .log = options_.log};
  const std::function<void(outbox)> hand_on = [this](outbox out) {
    // Nothing of a learner is durable, so nothing waits for the disk.
    for (auto& envelope : out.envelopes)
      deliver(std::move(envelope));
  };
  auto made = system_->spawn<caf::detached>(
      worker_behavior<learner_worker, learner_actor_state>,
      std::make_shared<std::unique_ptr<learner_worker>>(
          std::make_unique<learner_worker>(std::move(how))),
      hand_on);
  {
    const std::unique_lock lock{roles_mutex_};
    learner_ = std::move(made);
  }
  tell_learner_of_peers();
}

void running_server::tell_learner_of_peers() {
  std::set<std::string> servers;
  {
    const std::lock_guard lock{peers_mutex_};
    servers = learners_at_;
  }
  const std::shared_lock lock{roles_mutex_};
  if (learner_)
    caf::anon_send(learner_,
                   role_call<learner_worker>{
                       [servers](learner_worker& role, instant, outbox&) {
                         role.set_learners(servers);
                       }});
}

v1::LearnerReply running_server::learner_here(const v1::LearnerRequest&) const {
  v1::LearnerReply out;
  if (auto status = learner_board_->status()) {
    status->set_experiences(experience_->inserted());
    *out.add_learners() = *std::move(status);
  }
  return out;
}

void running_server::learner(v1::LearnerRequest request,
                             reply<v1::LearnerReply> then) {
  mesh::v1::Question question;
  *question.mutable_learner() = std::move(request);
  ask_all(mesh::v1::Envelope::NOBODY, std::move(question),
          [this, then = answered_for_sure(std::move(then))](
              const questions::answers& answers) {
            v1::LearnerReply all;
            for (const auto& [from, answer] : answers)
              all.mutable_learners()->MergeFrom(answer.learner().learners());
            for (const auto& name : missing(answers))
              all.add_unreachable_servers(name);
            then(std::move(all));
          });
}

} // namespace skerry
