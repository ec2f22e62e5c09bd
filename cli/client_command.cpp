#include "cli/client_command.hpp"

#include "cli/cluster_text.hpp"
#include "cli/configured.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <unistd.h>

namespace skerry {
namespace {

std::string dumped(const json& data, int indent) {
  // Names may be any bytes.
  return data.dump(indent, ' ', false, json::error_handler_t::replace) + '\n';
}

} // namespace

result<client> client_of(const global_flags& globals) {
  const auto loaded = configure(globals);
  if (!loaded)
    return loaded.failure();
  return client::make(loaded->values);
}

result<> print(console& out, const view& what) {
  return out.print(out.format == output_format::json ? dumped(what.data, 2)
                                                     : what.text);
}

ending show(console& out, bool watch,
            const std::function<result<view>()>& look) {
  auto seen = look();
  if (!seen)
    return seen.failure();
  if (!watch)
    return print(out, *seen);
  const bool in_place
      = out.format == output_format::table && ::isatty(STDOUT_FILENO) == 1;
  std::string shown;
  bool away = false;
  while (!out.reader_has_gone()) {
    if (seen) {
      away = false;
      const auto text = out.format == output_format::json
                            ? dumped(seen->data, -1)
                            : seen->text;
      if (text != shown)
        if (auto ok = out.print(in_place ? "\033[H\033[2J" + text : text); !ok)
          return ok;
      shown = text;
    } else if (!away) {
      away = true;
      out.note(seen.failure().message);
    }
    std::this_thread::sleep_for(std::chrono::seconds{1});
    seen = look();
  }
  return {};
}

result<v1::JobStatus> job_status(client& cluster, const std::string& id) {
  v1::GetJobRequest request;
  request.set_id(id);
  return cluster.call(&v1::Jobs::Stub::Get, request);
}

result<found_task> find_task(client& cluster, const std::string& name) {
  // "JOB.GROUP.INDEX", where JOB and GROUP may hold dots themselves: the longer
  // job first, as group names with dots are rarer.
  auto end = name.rfind('.');
  while (end != std::string::npos && end > 0) {
    end = name.rfind('.', end - 1);
    if (end == std::string::npos || end == 0)
      break;
    auto job = job_status(cluster, name.substr(0, end));
    if (!job && job.failure().code != error_code::not_found)
      return job.failure();
    if (job)
      for (const auto& task : job->tasks())
        if (task.id() == name)
          return found_task{*job, task};
  }
  auto job = job_status(cluster, name);
  if (job && job->tasks_size() == 1)
    return found_task{*job, job->tasks(0)};
  if (job)
    return error{error_code::invalid_argument,
                 fmt::format("job {} has {} tasks; name one of them, for "
                             "example {}",
                             name, job->tasks_size(),
                             job->tasks().empty() ? "" : job->tasks(0).id())};
  if (job.failure().code != error_code::not_found)
    return job.failure();
  return error{error_code::not_found, fmt::format("there is no task {}", name)};
}

bool patience::bears(const error& failure) {
  constexpr std::int64_t longest_milliseconds = 30'000; // A server's restart.
  if (failure.code != error_code::unreachable)
    return false;
  const auto now = unix_milliseconds_now();
  if (!since_milliseconds_) {
    since_milliseconds_ = now;
    out_.note(fmt::format("{}; trying again", failure.message));
  }
  return now - *since_milliseconds_ < longest_milliseconds;
}

} // namespace skerry
