#include "actors/running_server.hpp"
#include "messages/convert.hpp"
#include "scheduling/assert.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace skerry {

namespace {

bool is_not_found(const mesh::v1::Failure& wire) {
  return wire.code() == static_cast<int>(error_code::not_found);
}

} // namespace

// -- asking the roles ---------------------------------------------------------

void running_server::ask_all(mesh::v1::Envelope::Role role,
                             mesh::v1::Question question,
                             questions::all_answers then) {
  questions_->ask(reachable(), role, std::move(question), std::move(then));
}

void running_server::first_answer(mesh::v1::Envelope::Role role,
                                  mesh::v1::Question question,
                                  reply<mesh::v1::Answer> then) {
  ask_all(
      role, std::move(question),
      [this, then = answered_for_sure(std::move(then))](
          const questions::answers& answers) {
        error why{error_code::unreachable, "no server has answered in time"};
        for (const auto& [from, answer] : answers) {
          if (!answer.has_failure())
            return then(answer);
          if (!is_not_found(answer.failure())
              || why.code == error_code::unreachable)
            why = failure_of(answer.failure());
        }
        const auto away = missing(answers);
        if (why.code == error_code::not_found && !away.empty())
          why = {error_code::unreachable,
                 fmt::format("{}, and {} may have it but {} not answer",
                             why.message, fmt::join(away, ", "),
                             away.size() == 1 ? "does" : "do")};
        then(why);
      });
}

void running_server::first_status(mesh::v1::Question question,
                                  reply<v1::JobStatus> then) {
  first_answer(mesh::v1::Envelope::JOBS, std::move(question),
               [then = std::move(then)](result<mesh::v1::Answer> answer) {
                 if (!answer)
                   return then(answer.failure());
                 then(std::move(*answer->mutable_job()));
               });
}

// -- jobs ---------------------------------------------------------------------

void running_server::submit(v1::SubmitRequest request,
                            reply<v1::SubmitReply> then) {
  if (auto room = store_->room(); !room)
    return then(room.failure());
  for (auto& wire : *request.mutable_jobs())
    add_implied_constraints(wire);
  to_jobs(
      [request = std::move(request), then = answered_for_sure(std::move(then))](
          jobs_role& role, instant time, outbox& out) {
        role.submit(request, time, then, out);
      });
}

void running_server::job(v1::GetJobRequest request, reply<v1::JobStatus> then) {
  mesh::v1::Question question;
  *question.mutable_job() = std::move(request);
  first_status(std::move(question), std::move(then));
}

void running_server::cancel(v1::CancelJobRequest request,
                            reply<v1::JobStatus> then) {
  mesh::v1::Question question;
  *question.mutable_cancel() = std::move(request);
  first_status(std::move(question), std::move(then));
}

void running_server::jobs(v1::ListJobsRequest request,
                          reply<v1::ListJobsReply> then) {
  constexpr std::uint32_t most = 1000;
  const auto limit = static_cast<int>(
      std::min(request.limit() == 0 ? 100 : request.limit(), most));
  mesh::v1::Question question;
  *question.mutable_jobs() = std::move(request);
  ask_all(mesh::v1::Envelope::JOBS, std::move(question),
          [this, then = answered_for_sure(std::move(then)),
           limit](const questions::answers& answers) {
            std::map<std::string, const v1::JobStatus*> by_id;
            v1::ListJobsReply all;
            for (const auto& [from, answer] : answers) {
              for (const auto& status : answer.jobs().jobs())
                by_id.emplace(status.id(), &status);
              all.set_more(all.more() || answer.jobs().more());
            }
            for (const auto& [id, status] : by_id) {
              if (all.jobs_size() == limit) {
                all.set_more(true);
                break;
              }
              *all.add_jobs() = *status;
            }
            for (const auto& name : missing(answers))
              all.add_unreachable_servers(name);
            then(std::move(all));
          });
}

void running_server::tenants(v1::TenantsRequest request,
                             reply<v1::TenantsReply> then) {
  mesh::v1::Question question;
  *question.mutable_tenants() = request;
  ask_all(mesh::v1::Envelope::JOBS, std::move(question),
          [this, then = answered_for_sure(std::move(then))](
              const questions::answers& answers) {
            v1::TenantsReply all;
            for (const auto& [from, answer] : answers)
              all.mutable_tenants()->MergeFrom(answer.tenants().tenants());
            for (const auto& name : missing(answers))
              all.add_unreachable_servers(name);
            then(std::move(all));
          });
}

void running_server::logs(v1::LogsRequest request, reply<v1::LogsChunk> then) {
  then = answered_for_sure(std::move(then));
  mesh::v1::Question where;
  *where.mutable_logs() = request;
  first_status(std::move(where), [this, request = std::move(request),
                                  then](result<v1::JobStatus> status) mutable {
    if (!status)
      return then(status.failure());
    // JOBS answers with this task alone.
    const auto node
        = status->tasks().empty() ? std::string{} : status->tasks(0).node();
    if (node.empty())
      return then(error{error_code::insufficient,
                        fmt::format("{} has not been placed yet; it has "
                                    "written nothing",
                                    request.task())});
    request.set_node(node);
    mesh::v1::Question read;
    *read.mutable_logs() = request;
    first_answer(mesh::v1::Envelope::ALLOCATOR, std::move(read),
                 [then](result<mesh::v1::Answer> answer) {
                   if (!answer)
                     return then(answer.failure());
                   then(answer->logs());
                 });
  });
}

void running_server::resize(v1::ResizeRequest request,
                            reply<v1::ResizeReply> then) {
  if (auto room = store_->room(); !room)
    return then(room.failure());
  mesh::v1::Question question;
  *question.mutable_resize() = request;
  first_answer(mesh::v1::Envelope::ALLOCATOR, std::move(question),
               [then = std::move(then)](result<mesh::v1::Answer> answer) {
                 if (!answer)
                   return then(answer.failure());
                 then(answer->resize());
               });
}

void running_server::resizes(v1::ListResizesRequest request,
                             reply<v1::ListResizesReply> then) {
  const auto limit = resizes_limit(request);
  mesh::v1::Question question;
  *question.mutable_resizes() = std::move(request);
  ask_all(mesh::v1::Envelope::ALLOCATOR, std::move(question),
          [this, then = answered_for_sure(std::move(then)),
           limit](const questions::answers& answers) {
            v1::ListResizesReply all;
            std::map<std::string_view, const v1::TaskSize*> by_task;
            for (const auto& [from, answer] : answers) {
              for (const auto& task : answer.resizes().tasks())
                by_task.emplace(task.task(), &task);
              all.set_more(all.more() || answer.resizes().more());
            }
            for (const auto& [id, task] : by_task) {
              if (static_cast<std::size_t>(all.tasks_size()) == limit) {
                all.set_more(true);
                break;
              }
              *all.add_tasks() = *task;
            }
            for (const auto& name : missing(answers))
              all.add_unreachable_servers(name);
            then(std::move(all));
          });
}

// -- decisions ----------------------------------------------------------------

bool running_server::decide_at_once(const v1::DecideRequest& request,
                                    const reply<v1::DecideReply>& then) {
  if (request.reserve_milliseconds() > 0
      || request.tasks_size() > options_.max_tasks_at_once || !is_alone())
    return false;
  {
    const std::shared_lock lock{roles_mutex_};
    if (stopped_)
      return false;
  }
  const auto began = std::chrono::steady_clock::now();
  outbox out;
  result<v1::DecideReply> answer{v1::DecideReply{}};
  if (!cell_role_->try_use(
          [&](allocator& role) { answer = role.decide(request, now(), out); }))
    return false;
  const auto decisions = std::exchange(out.decisions, {});
  const auto faults = std::exchange(out.policy_faults, {});
  SKERRY_ASSERT(out.empty()); // Nobody would hand it on.
  then(std::move(answer));
  decided(decisions, began);
  raise_alarms(faults);
  return true;
}

/// Without a reservation nothing is written, so nothing waits for the disk.
void running_server::decide_here(v1::DecideRequest request,
                                 reply<v1::DecideReply> then) {
  to_cell([request = std::move(request),
           then = std::move(then)](allocator& role, instant time, outbox& out) {
    auto answer = role.decide(request, time, out);
    if (request.reserve_milliseconds() == 0)
      return then(std::move(answer));
    out.replies.push_back([then, answer = std::move(answer)] { then(answer); });
  });
}

void running_server::decide(v1::DecideRequest request,
                            reply<v1::DecideReply> then) {
  if (decide_at_once(request, then))
    return;
  if (request.reserve_milliseconds() > 0)
    if (auto room = store_->room(); !room)
      return then(room.failure());
  then = answered_for_sure(std::move(then));
  if (is_alone())
    return decide_here(std::move(request), std::move(then));
  mesh::v1::Question question;
  *question.mutable_decide() = request;
  question.mutable_decide()->clear_reserve_milliseconds();
  ask_all(mesh::v1::Envelope::ALLOCATOR, std::move(question),
          [this, request, then](const questions::answers& answers) {
            auto best = best_of(request, answers);
            if (!best || request.reserve_milliseconds() == 0)
              return then(std::move(best));
            // All of a request are held in one cell: that with most of them.
            const auto in = cell_with_most(*best);
            if (in.empty())
              return then(std::move(best));
            mesh::v1::Question hold;
            *hold.mutable_decide() = request;
            questions_->ask({in}, mesh::v1::Envelope::ALLOCATOR,
                            std::move(hold),
                            [request, then](const questions::answers& held) {
                              then(best_of(request, held));
                            });
          });
}

void running_server::confirm(v1::ReservationsRequest request,
                             reply<v1::ReservationsReply> then) {
  change(request, mesh::v1::ReservationCommand::CONFIRM, std::move(then));
}

void running_server::release(v1::ReservationsRequest request,
                             reply<v1::ReservationsReply> then) {
  change(request, mesh::v1::ReservationCommand::RELEASE, std::move(then));
}

void running_server::change(const v1::ReservationsRequest& request,
                            mesh::v1::ReservationCommand::Kind kind,
                            reply<v1::ReservationsReply> then) {
  // A reservation begins with the name of its cell; a name may have dots.
  std::map<std::string, mesh::v1::ReservationCommand> by_cell;
  for (const auto& id : request.reservations()) {
    const auto last = id.rfind('.');
    const auto middle = last == std::string::npos || last == 0
                            ? std::string::npos
                            : id.rfind('.', last - 1);
    if (middle == std::string::npos)
      return then(error{error_code::invalid_argument,
                        fmt::format("{} is no reservation", id)});
    auto& what = by_cell[id.substr(0, middle)];
    what.set_kind(kind);
    what.add_reservations(id);
  }
  if (by_cell.size() != 1)
    return then(error{error_code::invalid_argument,
                      "name one or more reservations of one cell"});
  mesh::v1::Question question;
  *question.mutable_reservations() = by_cell.begin()->second;
  questions_->ask({by_cell.begin()->first}, mesh::v1::Envelope::ALLOCATOR,
                  std::move(question),
                  [then = answered_for_sure(std::move(then))](
                      const questions::answers& answers) {
                    for (const auto& [from, answer] : answers) {
                      if (answer.has_failure())
                        return then(failure_of(answer.failure()));
                      v1::ReservationsReply changed;
                      changed.set_changed(answer.decide().changed());
                      return then(std::move(changed));
                    }
                    then(error{error_code::unreachable,
                               "the server of that cell does not answer"});
                  });
}

void running_server::decisions(v1::ListDecisionsRequest request,
                               reply<v1::ListDecisionsReply> then) {
  constexpr std::uint32_t most = 1000;
  const auto limit
      = std::min(request.limit() == 0 ? 100 : request.limit(), most);
  v1::ListDecisionsReply answer;
  for (const auto& record :
       decisions_->last(request.task().empty() ? limit : most)) {
    v1::DecisionRecord one;
    if (!one.ParseFromString(record)
        || (!request.task().empty() && one.task() != request.task())
        || answer.decisions_size() >= static_cast<int>(limit))
      continue;
    *answer.add_decisions() = std::move(one);
  }
  then(std::move(answer));
}

// -- nodes --------------------------------------------------------------------

void running_server::nodes(v1::ListNodesRequest request,
                           reply<v1::ListNodesReply> then) {
  mesh::v1::Question question;
  *question.mutable_nodes()->mutable_list() = request;
  auto to = reachable();
  if (!request.cell().empty())
    to = {request.cell()};
  questions_->ask(to, mesh::v1::Envelope::ALLOCATOR, std::move(question),
                  [then = answered_for_sure(std::move(then)),
                   to](const questions::answers& answers) {
                    v1::ListNodesReply all;
                    for (const auto& [from, answer] : answers) {
                      for (const auto& status : answer.nodes().nodes())
                        *all.add_nodes() = status;
                      all.set_more(all.more() || answer.nodes().more());
                    }
                    for (const auto& name : to)
                      if (!answers.contains(name))
                        all.add_unreachable_cells(name);
                    then(std::move(all));
                  });
}

void running_server::node(v1::GetNodeRequest request,
                          reply<v1::NodeStatus> then) {
  mesh::v1::Question question;
  question.mutable_nodes()->set_name(request.name());
  ask_all(mesh::v1::Envelope::ALLOCATOR, std::move(question),
          [then = answered_for_sure(std::move(then)),
           name = request.name()](const questions::answers& answers) {
            const v1::NodeStatus* newest = nullptr;
            for (const auto& [from, answer] : answers)
              for (const auto& status : answer.nodes().nodes())
                if (newest == nullptr || status.session() > newest->session())
                  newest = &status;
            if (newest == nullptr)
              return then(error{error_code::not_found,
                                fmt::format("no cell that answers has a node "
                                            "{}",
                                            name)});
            then(*newest);
          });
}

void running_server::node_command(
    mesh::v1::NodeCommand what,
    std::function<void(result<mesh::v1::NodesAnswer>)> then) {
  mesh::v1::Question question;
  *question.mutable_command() = std::move(what);
  ask_all(mesh::v1::Envelope::ALLOCATOR, std::move(question),
          [then = std::move(then)](const questions::answers& answers) {
            error why{error_code::not_found, "no cell that answers has it"};
            for (const auto& [from, answer] : answers) {
              if (!answer.nodes().has_failure())
                return then(answer.nodes());
              if (!is_not_found(answer.nodes().failure()))
                why = failure_of(answer.nodes().failure());
            }
            then(why);
          });
}

void running_server::set_condition(v1::SetConditionRequest request,
                                   reply<v1::NodeStatus> then) {
  mesh::v1::NodeCommand what;
  *what.mutable_condition() = std::move(request);
  node_command(std::move(what), [then = answered_for_sure(std::move(then))](
                                    result<mesh::v1::NodesAnswer> answer) {
    if (!answer)
      return then(answer.failure());
    then(answer->nodes(0));
  });
}

void running_server::forget(v1::GetNodeRequest request,
                            reply<v1::ForgetReply> then) {
  mesh::v1::NodeCommand what;
  what.set_forget(request.name());
  node_command(std::move(what), [then = answered_for_sure(std::move(then))](
                                    result<mesh::v1::NodesAnswer> answer) {
    if (!answer)
      return then(answer.failure());
    v1::ForgetReply forgotten;
    forgotten.set_tasks_lost(answer->tasks_lost());
    then(std::move(forgotten));
  });
}

} // namespace skerry
