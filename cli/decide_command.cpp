#include "cli/arguments.hpp"
#include "cli/decide_tasks.hpp"
#include "cli/job_file.hpp"
#include "cli/task_flags.hpp"
#include "config/units.hpp"
#include "messages/skerry/v1/decisions.grpc.pb.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace skerry {
namespace {

struct decide_flags {
  std::string file;
  task_flags task;
  std::string count = "1";
  std::string reserve;
  std::string id;
  bool explain = false;
  std::vector<std::string> confirm;
  std::vector<std::string> release;
};

result<task_list> tasks_of(const decide_flags& flags) {
  task_list tasks;
  if (!flags.file.empty()) {
    if (flags.task.any())
      return error{error_code::invalid_argument,
                   "give a FILE or flags of a task, not both"};
    const auto jobs = read_job_file(flags.file, task_use::place);
    if (!jobs)
      return jobs.failure();
    for (const auto& job : *jobs)
      add_tasks(job, job.id(), tasks);
    return tasks;
  }
  if (!flags.task.any())
    return error{error_code::invalid_argument,
                 "say what the task needs: --cpu, --memory, --gpus, or a FILE"};
  const auto count = parse_whole("--count", flags.count, 1, 1'000'000);
  if (!count)
    return count.failure();
  const auto profile = read_task_flags(flags.task);
  if (!profile)
    return profile.failure();
  v1::Job job;
  auto* group = job.add_groups();
  group->set_count(static_cast<std::uint32_t>(*count));
  *group->mutable_profile() = *profile;
  add_tasks(job, flags.id, tasks);
  return tasks;
}

result<decide_how> how_of(const decide_flags& flags, const console& out) {
  decide_how how{.request_id = flags.id, .explain = flags.explain};
  if (flags.reserve.empty()) {
    if (!flags.id.empty())
      return error{error_code::invalid_argument,
                   "--id is of a reservation; give --reserve, too"};
    return how;
  }
  const auto time = parse_milliseconds(flags.reserve);
  if (!time || *time <= 0)
    return error{error_code::invalid_argument,
                 fmt::format("--reserve: {}", time ? "0 reserves nothing"
                                                   : time.failure().message)};
  how.reserve_milliseconds = *time;
  if (how.request_id.empty()) {
    how.request_id = random_id("decide");
    out.note(fmt::format("--id {} repeats this request", how.request_id));
  }
  return how;
}

using changing_call
    = grpc::Status (v1::Decisions::Stub::*)(grpc::ClientContext*,
                                            const v1::ReservationsRequest&,
                                            v1::ReservationsReply*);

ending change(client& cluster, changing_call method,
              const std::vector<std::string>& reservations,
              std::string_view done_word, console& out) {
  v1::ReservationsRequest request;
  request.mutable_reservations()->Assign(reservations.begin(),
                                         reservations.end());
  auto reply = cluster.call(method, request);
  if (!reply)
    return reply.failure();
  return print(out, {json{{"changed", reply->changed()}},
                     fmt::format("{} {}\n", reply->changed(), done_word)});
}

ending run_decide(const global_flags& globals, const decide_flags& flags,
                  console& out) {
  const bool changes = !flags.confirm.empty() || !flags.release.empty();
  if (changes && (!flags.file.empty() || flags.task.any()))
    return error{error_code::invalid_argument,
                 "--confirm and --release stand alone"};
  if (!flags.confirm.empty() && !flags.release.empty())
    return error{error_code::invalid_argument,
                 "--confirm and --release exclude each other"};
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  if (!flags.confirm.empty())
    return change(*cluster, &v1::Decisions::Stub::Confirm, flags.confirm,
                  "confirmed", out);
  if (!flags.release.empty())
    return change(*cluster, &v1::Decisions::Stub::Release, flags.release,
                  "released", out);
  const auto tasks = tasks_of(flags);
  if (!tasks)
    return tasks.failure();
  const auto how = how_of(flags, out);
  if (!how)
    return how.failure();
  return decide_and_print(*cluster, *tasks, *how, out);
}

} // namespace

void add_decide_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& decide = *parent.add_subcommand(
      "decide", "Ask where tasks should go, and run them yourself");
  const auto flags = std::make_shared<decide_flags>();
  decide
      .add_option("FILE", flags->file,
                  "A job file whose tasks are to be placed;\n- for stdin")
      ->type_name("");
  add_task_flags(decide, flags->task);
  decide.add_option("--count", flags->count, "Of equal tasks")
      ->type_name("N")
      ->capture_default_str();
  decide
      .add_option("--reserve", flags->reserve,
                  "Hold the places for so long: 30s")
      ->type_name("TIME")
      ->check(refuse_empty);
  decide
      .add_option("--id", flags->id,
                  "Of the request: asked again, it gives the\nsame places "
                  "(random)")
      ->type_name("ID")
      ->check(refuse_empty);
  decide.add_flag("--explain", flags->explain,
                  "Why nodes refuse, for placed tasks as well");
  decide
      .add_option("--confirm", flags->confirm,
                  "Keep these reservations until released")
      ->delimiter(',')
      ->type_name("ID");
  decide
      .add_option("--release", flags->release, "Give these reservations back")
      ->delimiter(',')
      ->type_name("ID");
  decide.footer(
      "Exit code 3 when a task has no place. -o json gives {\"decisions\": "
      "[...]}.\n"
      "Example:\n"
      "  skerry decide --cpu 2 --memory 4GiB --gpus 0.5 --count 3 --reserve "
      "30s");
  decide.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_decide(globals, *flags, out);
    };
  });
}

} // namespace skerry
