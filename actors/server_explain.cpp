// Why a job waits: what JOBS knows, and what the cells say to its tasks.
#include "actors/running_server.hpp"

#include <fmt/core.h>

namespace skerry {

namespace {

/// Of the bids, the one that decides: the first that is refused, if any.
v1::Decision verdict_of(const mesh::v1::BidReply& reply, int asked) {
  int at = 0;
  while (at + 1 < reply.bids_size() && reply.bids(at).placed())
    ++at;
  if (reply.bids().empty())
    return {};
  auto verdict = reply.bids(at);
  verdict.set_cell(reply.cell());
  if (asked > 1 && !verdict.placed())
    verdict.set_text(fmt::format("{} of {} tasks of the gang fit; the next {}",
                                 at, asked, verdict.text()));
  return verdict;
}

} // namespace

void running_server::explain(v1::GetJobRequest request,
                             reply<v1::JobExplanation> then) {
  mesh::v1::Question question;
  *question.mutable_explain() = std::move(request);
  first_answer(mesh::v1::Envelope::JOBS, std::move(question),
               [this, then = answered_for_sure(std::move(then))](
                   result<mesh::v1::Answer> answer) {
                 if (!answer)
                   return then(answer.failure());
                 auto known = std::make_shared<mesh::v1::JobInQueue>(
                     std::move(*answer->mutable_in_queue()));
                 if (known->asks().empty())
                   return then(std::move(*known->mutable_explanation()));
                 mesh::v1::Question ask;
                 *ask.mutable_bids()->mutable_asks() = known->asks();
                 ask_all(
                     mesh::v1::Envelope::ALLOCATOR, std::move(ask),
                     [this, known, then](const questions::answers& answers) {
                       auto& whole = *known->mutable_explanation();
                       for (const auto& [cell, said] : answers)
                         for (int i = 0; i < said.bids().replies_size(); ++i)
                           if (const auto asked = known->asks(i).tasks_size();
                               asked > 0)
                             *whole.mutable_groups(i)->add_cells()
                                 = verdict_of(said.bids().replies(i), asked);
                       for (const auto& name : missing(answers))
                         whole.add_unreachable_cells(name);
                       then(std::move(whole));
                     });
               });
}

} // namespace skerry
