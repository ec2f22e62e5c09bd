#include "cli/client_command.hpp"
#include "cli/cluster_text.hpp"
#include "cli/decide_tasks.hpp"
#include "cli/job_file.hpp"
#include "cli/proto_json.hpp"
#include "config/units.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace skerry {
namespace {

struct submit_flags {
  std::vector<std::string> files;
  bool wait = false;
  bool dry_run = false;
};

result<std::vector<v1::Job>> jobs_of(const std::vector<std::string>& files) {
  std::vector<v1::Job> jobs;
  std::string faults;
  for (const auto& file : files) {
    auto read = read_job_file(file, task_use::run);
    if (!read) // The other files are to be mended in the same go.
      faults += (faults.empty() ? "" : "\n") + read.failure().message;
    else
      std::ranges::move(*read, std::back_inserter(jobs));
  }
  if (!faults.empty())
    return error{error_code::malformed, faults};
  for (auto& job : jobs)
    if (job.id().empty())
      job.set_id(random_id(job.name()));
  return jobs;
}

std::uint64_t tasks_of(const v1::Job& job) {
  std::uint64_t tasks = 0;
  for (const auto& group : job.groups())
    tasks += std::max<std::uint32_t>(1, group.count());
  return tasks;
}

json accepted_json(const v1::SubmitReply& reply,
                   const std::vector<v1::Job>& jobs) {
  json out{{"server", reply.server()},
           {"accepted", reply.accepted()},
           {"known", reply.known()},
           {"jobs", json::array()}};
  for (const auto& job : jobs)
    out["jobs"].push_back(
        {{"id", job.id()}, {"name", job.name()}, {"tasks", tasks_of(job)}});
  return out;
}

/// Waits until all jobs have ended.
result<std::map<std::string, v1::JobStatus>>
wait_for(client& cluster, const std::vector<v1::Job>& jobs,
         const console& out) {
  std::map<std::string, v1::JobStatus> ended;
  std::map<std::string, std::string> waits; // What has been noted.
  patience bearing{out};
  auto pause = std::chrono::milliseconds{50};
  while (true) {
    for (const auto& job : jobs) {
      if (ended.contains(job.id()))
        continue;
      auto status = job_status(cluster, job.id());
      if (!status) {
        if (bearing.bears(status.failure()))
          break;
        return status.failure();
      }
      bearing.calm();
      if (has_ended(status->state())) {
        out.note(fmt::format("job {} has {}", job.id(),
                             status->state() == v1::CANCELLED
                                 ? "been cancelled"
                                 : state_text(status->state())));
        ended[job.id()] = *std::move(status);
        continue;
      }
      for (const auto& task : status->tasks())
        if (task.state() == v1::QUEUED && !task.waits_for().empty()) {
          if (std::exchange(waits[job.id()], task.waits_for())
              != task.waits_for())
            out.note(fmt::format("{} waits: {}", task.id(), task.waits_for()));
          break;
        }
    }
    if (ended.size() == jobs.size())
      return ended;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds{1000});
  }
}

ending print_ended(console& out, json data, const std::vector<v1::Job>& jobs,
                   const std::map<std::string, v1::JobStatus>& ended) {
  v1::ListJobsReply all;
  data["jobs"] = json::array();
  std::string failed;
  for (const auto& job : jobs) {
    const auto& status = ended.at(job.id());
    *all.add_jobs() = status;
    data["jobs"].push_back(json_of(status));
    if (status.state() != v1::FINISHED)
      failed += (failed.empty() ? "" : ", ") + job.id();
  }
  if (auto ok = print(out, {data, jobs_table(all)}); !ok)
    return ok;
  if (failed.empty())
    return {};
  return {exit_code::failure, fmt::format("not finished: {}", failed)};
}

ending place_dry(client& cluster, const std::vector<v1::Job>& jobs,
                 console& out) {
  task_list tasks;
  for (const auto& job : jobs)
    add_tasks(job, job.id(), tasks);
  return decide_and_print(cluster, tasks, {}, out);
}

ending run_submit(const global_flags& globals, const submit_flags& flags,
                  console& out) {
  const auto jobs = jobs_of(flags.files);
  if (!jobs)
    return jobs.failure();
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  if (flags.dry_run)
    return place_dry(*cluster, *jobs, out);
  v1::SubmitRequest request;
  request.mutable_jobs()->Assign(jobs->begin(), jobs->end());
  // The ids make it safe to ask again, but only the server that may have taken
  // the jobs knows them.
  auto reply
      = cluster->call(&v1::Jobs::Stub::Submit, request, lost_answer::ask_again);
  if (!reply)
    return reply.failure();
  const auto data = accepted_json(*reply, *jobs);
  if (!flags.wait) {
    std::string text;
    for (const auto& job : *jobs)
      text += fmt::format("{}\n", job.id());
    out.note(fmt::format(
        "{} accepted by {}{}",
        jobs->size() == 1 ? std::string{"job"}
                          : fmt::format("{} jobs", jobs->size()),
        reply->server(), reply->known() > 0 ? ", as it was before" : ""));
    return print(out, {data, text});
  }
  auto ended = wait_for(*cluster, *jobs, out);
  if (!ended)
    return ended.failure();
  return print_ended(out, data, *jobs, *ended);
}

} // namespace

void add_submit_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& submit = *parent.add_subcommand(
      "submit", "Hand jobs over to the cluster, from TOML or JSON files");
  const auto flags = std::make_shared<submit_flags>();
  submit.add_option("FILE", flags->files, "Job files; - for stdin")
      ->type_name("")
      ->required()
      ->check(refuse_empty);
  submit.add_flag("--wait", flags->wait,
                  "Until all jobs have ended; exit code 1\nunless all have "
                  "finished");
  submit
      .add_flag("--dry-run", flags->dry_run,
                "Only show where the tasks would go now;\nexit code 3 when "
                "one has no place")
      ->excludes("--wait");
  submit.footer(
      "Prints the ids of the jobs, a line each. All jobs are accepted or none. "
      "The same\nid submitted again is answered as the first time.\n"
      "A job file:\n"
      "  name = \"train\"\n"
      "  count = 4\n"
      "  cpu = \"500m\"\n"
      "  memory = \"2GiB\"\n"
      "  argv = [\"/usr/bin/python3\", \"train.py\"]\n"
      "Example:\n"
      "  skerry submit train.toml --wait");
  submit.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_submit(globals, *flags, out);
    };
  });
}

} // namespace skerry
