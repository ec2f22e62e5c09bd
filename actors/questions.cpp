#include "actors/questions.hpp"

#include "actors/offer_value.hpp"
#include "messages/convert.hpp"

#include <algorithm>
#include <utility>

namespace skerry {

questions::questions(std::string self, std::chrono::milliseconds patience,
                     sender send)
    : self_{std::move(self)}, patience_{patience}, send_{std::move(send)},
      thread_{[this] { run(); }} {}

questions::~questions() {
  stop();
}

void questions::ask(const std::vector<std::string>& servers,
                    mesh::v1::Envelope::Role role, mesh::v1::Question question,
                    all_answers then) {
  ask(servers, role, std::move(question), patience_, std::move(then));
}

void questions::ask(const std::vector<std::string>& servers,
                    mesh::v1::Envelope::Role role, mesh::v1::Question question,
                    std::chrono::milliseconds patience, all_answers then) {
  const auto until = std::chrono::steady_clock::now() + patience;
  {
    const std::lock_guard lock{mutex_};
    question.set_number(next_);
    due_.emplace(until, next_);
    open_[next_++] = {servers.size(), {}, std::move(then), until};
  }
  wake_.notify_one();
  for (const auto& server : servers) {
    mesh::v1::Envelope envelope;
    envelope.set_from(self_);
    envelope.set_to(server);
    envelope.set_role(role);
    *envelope.mutable_question() = question;
    send_(std::move(envelope));
  }
}

void questions::answered(const std::string& from, mesh::v1::Answer answer) {
  open_question whole;
  {
    const std::lock_guard lock{mutex_};
    auto found = open_.find(answer.number());
    if (found == open_.end())
      return; // Too late.
    found->second.have[from] = std::move(answer);
    if (found->second.have.size() < found->second.waits_for)
      return;
    whole = std::move(found->second);
    due_.erase({whole.until, found->first});
    open_.erase(found);
  }
  whole.then(whole.have);
}

void questions::stop() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(stopping_, true))
      return;
  }
  wake_.notify_one();
  thread_.join();
  for (auto& [number, open] : std::exchange(open_, {}))
    open.then(open.have);
}

void questions::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    if (due_.empty()) {
      wake_.wait(lock, [&] { return stopping_ || !due_.empty(); });
      continue;
    }
    const auto [until, number] = *due_.begin();
    if (std::chrono::steady_clock::now() < until) {
      wake_.wait_until(lock, until);
      continue;
    }
    due_.erase(due_.begin());
    auto due = std::move(open_.at(number));
    open_.erase(number);
    lock.unlock();
    due.then(due.have);
    lock.lock();
  }
}

result<v1::DecideReply> best_of(const v1::DecideRequest& request,
                                const questions::answers& answers) {
  v1::DecideReply best;
  for (int i = 0; i < request.tasks_size(); ++i)
    best.add_decisions()->set_infeasible(true);
  error why{error_code::unreachable, "no cell has answered in time"};
  bool any = false;
  for (const auto& [server, answer] : answers) {
    if (!answer.has_decide()) {
      why = failure_of(answer.failure());
      continue;
    }
    any = true;
    const auto& offers = answer.decide();
    for (int i = 0; i < request.tasks_size() && i < offers.decisions_size();
         ++i) {
      const auto& offer = offers.decisions(i);
      auto& kept = *best.mutable_decisions(i);
      const bool better
          = offer.placed()
            && (!kept.placed() || value_of(offer).better_than(value_of(kept)));
      // Of refusals the one that may pass is the better news.
      const bool kinder = !kept.placed() && !offer.placed()
                          && (kept.text().empty()
                              || (kept.infeasible() && !offer.infeasible()));
      if (better || kinder)
        kept = offer;
    }
  }
  if (!any && request.tasks_size() > 0)
    return why;
  return best;
}

std::string cell_with_most(const v1::DecideReply& decisions) {
  std::map<std::string, std::size_t> counts;
  for (const auto& decision : decisions.decisions())
    if (decision.placed())
      ++counts[decision.cell()];
  const auto most = std::ranges::max_element(
      counts, {}, [](const auto& entry) { return entry.second; });
  return most == counts.end() ? std::string{} : most->first;
}

} // namespace skerry
