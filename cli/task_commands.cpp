#include "cli/client_command.hpp"
#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "cli/task_flags.hpp"
#include "cli/task_output.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace skerry {
namespace {

// -- logs ---------------------------------------------------------------------

struct logs_flags {
  std::string task;
  bool is_stderr = false;
  bool follow = false;
};

ending run_logs(const global_flags& globals, const logs_flags& flags,
                console& out) {
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  auto found = find_task(*cluster, flags.task);
  if (!found)
    return found.failure();
  task_output output{found->task.id(), flags.is_stderr};
  const auto take = [&out](std::string_view data) { return out.print(data); };
  if (!flags.follow)
    return output.read_on(*cluster, take);
  patience bearing{out};
  while (!out.reader_has_gone()) {
    const bool last = has_ended(found->task.state());
    if (last || found->task.state() == v1::RUNNING) {
      const auto read = output.read_on(*cluster, take);
      if (!read && (last || !bearing.bears(read.failure())))
        return read;
    }
    if (last)
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    auto now = find_task(*cluster, found->task.id());
    if (now) {
      bearing.calm();
      found = std::move(now);
    } else if (!bearing.bears(now.failure())) {
      return now.failure();
    }
  }
  return {};
}

// -- cancel -------------------------------------------------------------------

struct cancel_flags {
  std::vector<std::string> jobs;
  std::string reason;
};

ending run_cancel(const global_flags& globals, const cancel_flags& flags,
                  console& out) {
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  ending worst;
  v1::ListJobsReply cancelled;
  for (const auto& id : flags.jobs) {
    v1::CancelJobRequest request;
    request.set_id(id);
    request.set_reason(flags.reason);
    auto status = cluster->call(&v1::Jobs::Stub::Cancel, request);
    if (status) {
      *cancelled.add_jobs() = *status;
    } else { // The others are still to go.
      worst.code = exit_code_of(status.failure().code);
      worst.complaint
          += fmt::format("{}{}: {}", worst.complaint.empty() ? "" : "\n", id,
                         status.failure().message);
    }
  }
  json data{{"jobs", json::array()}};
  for (const auto& job : cancelled.jobs())
    data["jobs"].push_back(json_of(job));
  if (!cancelled.jobs().empty())
    if (auto ok = print(out, {data, jobs_table(cancelled)}); !ok)
      return ok;
  return worst;
}

// -- resize -------------------------------------------------------------------

struct resize_flags {
  std::string task;
  std::string cpu;
  std::string memory;
};

ending run_resize(const global_flags& globals, const resize_flags& flags,
                  console& out) {
  const auto demand = read_amount_flags(flags.cpu, flags.memory);
  if (!demand)
    return demand.failure();
  if (demand->cpu_millicores() == 0 && demand->memory_bytes() == 0)
    return error{error_code::invalid_argument,
                 "say what to change: --cpu, --memory"};
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  auto found = find_task(*cluster, flags.task);
  if (!found)
    return found.failure();
  v1::ResizeRequest request;
  request.set_task(found->task.id());
  *request.mutable_demand() = *demand;
  auto reply = cluster->call(&v1::Jobs::Stub::Resize, request);
  if (!reply)
    return reply.failure();
  return print(out,
               {json_of(*reply),
                fmt::format("{} on {}: {}\n", request.task(), reply->node(),
                            resources_text(reply->demand()))});
}

} // namespace

void add_logs_command(CLI::App& parent, const global_flags& globals,
                      action& chosen) {
  auto& logs = *parent.add_subcommand("logs", "Print what a task has written");
  const auto flags = std::make_shared<logs_flags>();
  logs.add_option("TASK", flags->task, "JOB.GROUP.INDEX, or a job of one task")
      ->type_name("")
      ->required();
  logs.add_flag("--stderr", flags->is_stderr, "Its stderr, not its stdout");
  logs.add_flag("-f,--follow", flags->follow, "Until the task has ended");
  logs.footer("The bytes come as they were written, whatever -o says.\n"
              "Example:\n  skerry logs train-1f6c0a8e92b3.worker.0 --follow");
  logs.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_logs(globals, *flags, out);
    };
  });
}

void add_cancel_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& cancel = *parent.add_subcommand("cancel", "End jobs");
  const auto flags = std::make_shared<cancel_flags>();
  cancel.add_option("JOB", flags->jobs, "Ids")->type_name("")->required();
  cancel.add_option("--reason", flags->reason, "For the record")
      ->type_name("TEXT");
  cancel.footer("Queued tasks end at once, running ones through their "
                "agents.\n"
                "Example:\n  skerry cancel train-1f6c0a8e92b3 --reason "
                "\"wrong data\"");
  cancel.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_cancel(globals, *flags, out);
    };
  });
}

void add_resize_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& resize = *parent.add_subcommand(
      "resize", "Give a running task more, or take some, without a restart");
  const auto flags = std::make_shared<resize_flags>();
  resize
      .add_option("TASK", flags->task, "JOB.GROUP.INDEX, or a job of one task")
      ->type_name("")
      ->required();
  resize.add_option("--cpu", flags->cpu, "2, 1.5 or 500m")
      ->type_name("CORES")
      ->check(refuse_empty);
  resize.add_option("--memory,--mem", flags->memory, "4GiB or 512MB")
      ->type_name("SIZE")
      ->check(refuse_empty);
  resize.footer("What is not given stays as it is. The answer comes from the "
                "node's agent.\n"
                "Example:\n  skerry resize train-1f6c0a8e92b3.worker.0 --cpu "
                "4 --memory 8GiB");
  resize.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_resize(globals, *flags, out);
    };
  });
}

} // namespace skerry
