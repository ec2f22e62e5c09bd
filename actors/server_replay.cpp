// The experience of all servers, gathered in batches.
#include "actors/running_server.hpp"

namespace skerry {

/// One batch of each server is asked for at a time, and the next when all have
/// answered or have not in time: that is all the credit that there is.
void running_server::gather_experience() {
  constexpr std::uint32_t batch = 512;
  if (!replay_ || options_.replay->gather_milliseconds == 0)
    return;
  const auto now_ms = now().steady_milliseconds;
  std::map<std::string, std::uint64_t> from;
  {
    const std::lock_guard lock{gather_mutex_};
    if (gathering_
        || now_ms - gathered_at_ < options_.replay->gather_milliseconds)
      return;
    gathered_at_ = now_ms;
    for (const auto& name : reachable())
      if (name != options_.name)
        from[name] = gathered_to_[name];
    gathering_ = !from.empty();
  }
  auto open = std::make_shared<std::atomic<std::size_t>>(from.size());
  for (const auto& [peer_name, next] : from) {
    mesh::v1::Question question;
    question.mutable_experience()->set_count(batch);
    question.mutable_experience()->set_from(next);
    questions_->ask({peer_name}, mesh::v1::Envelope::NOBODY,
                    std::move(question),
                    [this, open](const questions::answers& answers) {
                      for (const auto& [name, answer] : answers) {
                        replay_->admit(answer.experience());
                        const std::lock_guard lock{gather_mutex_};
                        gathered_to_[name] = answer.experience().next();
                      }
                      if (--*open > 0)
                        return;
                      const std::lock_guard lock{gather_mutex_};
                      gathering_ = false;
                    });
  }
}

} // namespace skerry
