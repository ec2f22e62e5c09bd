#include "cli/client_command.hpp"
#include "cli/cluster_text.hpp"
#include "cli/interrupt.hpp"
#include "cli/job_file.hpp"
#include "cli/proto_json.hpp"
#include "cli/task_flags.hpp"
#include "cli/task_output.hpp"
#include "messages/convert.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

namespace skerry {
namespace {

struct run_command_flags {
  std::vector<std::string> command;
  task_flags task;
  std::string name;
  std::string user;
  std::string directory;
  std::vector<std::string> environment;
  bool detach = false;
};

result<v1::Job> job_of(const run_command_flags& flags) {
  const auto profile = read_task_flags(flags.task);
  if (!profile)
    return profile.failure();
  v1::Job job;
  job.set_name(flags.name);
  job.set_id(random_id(flags.name.empty() ? "run" : flags.name));
  auto* group = job.add_groups();
  group->set_count(1);
  *group->mutable_profile() = *profile;
  auto* exec = group->mutable_work()->mutable_exec();
  exec->mutable_argv()->Assign(flags.command.begin(), flags.command.end());
  exec->set_user(flags.user);
  exec->set_working_directory(flags.directory);
  for (const auto& entry : flags.environment) {
    const auto sign = entry.find('=');
    if (sign == std::string::npos || sign == 0)
      return error{error_code::invalid_argument,
                   fmt::format("--env: \"{}\" is not NAME=VALUE", entry)};
    (*exec->mutable_environment())[entry.substr(0, sign)]
        = entry.substr(sign + 1);
  }
  if (auto ok = validate(group->work()); !ok)
    return ok.failure();
  return job;
}

/// The task's own exit code; 128 and the signal that ended it, as in shells.
ending ending_of_task(const v1::JobStatus& job) {
  if (job.state() == v1::FINISHED)
    return {};
  const auto outcome
      = job.tasks().empty() ? v1::Outcome{} : job.tasks(0).outcome();
  auto code
      = outcome.signal() > 0 ? 128 + outcome.signal() : outcome.exit_code();
  if (code < 1 || code > 255)
    code = static_cast<int>(exit_code::failure);
  return {static_cast<exit_code>(code),
          fmt::format("the task {}: {}",
                      job.state() == v1::CANCELLED ? "was cancelled" : "failed",
                      outcome_text(outcome))};
}

/// Follows the one task of a job until it has ended.
class follower {
public:
  follower(client& cluster, console& out, std::string job)
      : cluster_{cluster}, out_{out}, job_{std::move(job)},
        outputs_{task_output{job_ + ".task.0", false},
                 task_output{job_ + ".task.0", true}} {}

  ending follow(held_signals& signals) {
    patience bearing{out_};
    std::int64_t pause = 50;
    while (true) {
      auto status = job_status(cluster_, job_);
      if (!status && !bearing.bears(status.failure()))
        return status.failure();
      if (status) {
        bearing.calm();
        note_waiting(*status);
        if (auto ok = pass_on(*status); !ok)
          return ok;
        if (has_ended(status->state()))
          return report(*status);
      }
      if (const auto signal = signals.wait_milliseconds(pause); signal != 0)
        return cancel(signal, signals);
      pause = std::min<std::int64_t>(pause * 2, 500);
    }
  }

private:
  void note_waiting(const v1::JobStatus& status) {
    if (status.tasks().empty() || status.state() != v1::QUEUED)
      return;
    const auto& why = status.tasks(0).waits_for();
    if (!why.empty() && why != noted_)
      out_.note(fmt::format("waits: {}", why));
    noted_ = why;
  }

  /// Its output so far. An agent that is away for a moment is asked again.
  ending pass_on(const v1::JobStatus& status) {
    if (status.running() == 0 && !has_ended(status.state()))
      return {};
    const bool mixed = out_.format == output_format::json;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      result<> printed = done{};
      const auto read
          = outputs_[i].read_on(cluster_, [&](std::string_view data) {
              if (i == 0 && !mixed)
                printed = out_.print(data);
              else
                console::print_to_stderr(data);
              return printed;
            });
      if (!printed)
        return printed;
      if (!read && has_ended(status.state()) && status.state() != v1::CANCELLED)
        out_.note(fmt::format("the rest of its output cannot be read: {}",
                              read.failure().message));
    }
    return {};
  }

  ending report(const v1::JobStatus& status) {
    if (out_.format == output_format::json)
      if (auto ok = print(out_, {json_of(status), ""}); !ok)
        return ok;
    return ending_of_task(status);
  }

  ending cancel(int signal, held_signals& signals) {
    signals.release(); // Who is in a hurry asks twice.
    out_.note(fmt::format("interrupted; cancelling job {}", job_));
    v1::CancelJobRequest request;
    request.set_id(job_);
    request.set_reason("interrupted by the user");
    auto cancelled = cluster_.call(&v1::Jobs::Stub::Cancel, request);
    return {static_cast<exit_code>(128 + signal),
            cancelled ? "" : cancelled.failure().message};
  }

  client& cluster_;
  console& out_;
  std::string job_;
  std::array<task_output, 2> outputs_;
  std::string noted_;
};

ending run_run(const global_flags& globals, const run_command_flags& flags,
               console& out) {
  const auto job = job_of(flags);
  if (!job)
    return job.failure();
  held_signals signals; // Before gRPC's threads.
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  v1::SubmitRequest request;
  *request.add_jobs() = *job;
  auto reply
      = cluster->call(&v1::Jobs::Stub::Submit, request, lost_answer::ask_again);
  if (!reply)
    return reply.failure();
  if (flags.detach)
    return print(out, {json{{"server", reply->server()},
                            {"accepted", reply->accepted()},
                            {"known", reply->known()},
                            {"jobs", json::array({{{"id", job->id()},
                                                   {"name", job->name()},
                                                   {"tasks", 1}}})}},
                       job->id() + "\n"});
  out.note(fmt::format("job {} accepted by {}", job->id(), reply->server()));
  return follower{*cluster, out, job->id()}.follow(signals);
}

} // namespace

void add_run_command(CLI::App& parent, const global_flags& globals,
                     action& chosen) {
  auto& run = *parent.add_subcommand(
      "run", "Run one command on the cluster and see what it says");
  const auto flags = std::make_shared<run_command_flags>();
  run.add_option("COMMAND", flags->command,
                 "A program on the nodes and its arguments,\nafter --; no "
                 "shell")
      ->type_name("")
      ->required();
  add_task_flags(run, flags->task);
  const auto add = [&run](const std::string& name, std::string& into,
                          const std::string& type, const std::string& what) {
    run.add_option(name, into, what)->type_name(type)->check(refuse_empty);
  };
  add("--name", flags->name, "NAME", "Of the job");
  add("--user", flags->user, "USER", "Who runs it (the agent's)");
  add("--directory", flags->directory, "DIR", "Where it runs (a fresh one)");
  run.add_option("--env", flags->environment, "For the command")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  run.add_flag("--detach,-d", flags->detach,
               "Print the job's id and do not wait");
  run.footer(
      "Its stdout and stderr become those of this command, and so does its "
      "exit code:\n128 and the signal when one has ended it. What Skerry "
      "itself "
      "says begins with\n\"skerry:\". Ctrl-C cancels the job. With -o json its "
      "output goes to stderr and the\nstatus of the job to stdout.\n"
      "Example:\n"
      "  skerry run --cpu 2 --memory 1GiB -- /bin/sh -c \"hostname; nproc\"");
  run.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_run(globals, *flags, out);
    };
  });
}

} // namespace skerry
