#include "cli/job_file.hpp"

#include "cli/exit_code.hpp"
#include "cli/task_fields.hpp"
#include "config/configuration.hpp"
#include "config/table_reader.hpp"
#include "messages/convert.hpp"
#include "messages/job_stages.hpp"

#include <fmt/format.h>

#include <limits>
#include <random>

namespace skerry {
namespace {

/// 100 000 tasks of a job are a few lines; this is thousands of jobs.
constexpr std::size_t max_file_bytes = std::size_t{16} << 20;

/// @param job Its id, for faults of the group as a whole; may be empty.
/// @param is_part Of a job with a list of groups, whose table is its own.
void read_group(table_reader& keys, v1::TaskGroup& group, task_use use,
                const std::string& job, bool is_part) {
  const auto fault = [&](std::string_view what) {
    keys.fault("", job.empty() ? std::string{what}
                               : fmt::format("job {}: {}", job, what));
  };
  std::int64_t count = 1;
  keys.whole("count", count, {1, 1'000'000});
  group.set_count(static_cast<std::uint32_t>(count));
  read_profile(keys, *group.mutable_profile());
  if (auto ok = from_proto(group.profile()); !ok)
    fault(ok.failure().message);
  read_order(keys, group, is_part);
  read_work(keys, *group.mutable_work());
  if (group.work().driver_case() != v1::Work::DRIVER_NOT_SET) {
    // What was read wrongly is missing there, and was told already.
    if (auto ok = validate(group.work()); !ok && keys.faultless())
      fault(ok.failure().message);
  } else if (use == task_use::run) {
    fault("nothing to run: give argv (a program and its arguments) or "
          "simulated");
  }
}

void read_id(table_reader& keys, std::string_view key, std::string& into) {
  keys.text(key, into);
  if (!keys.has(key) || into.empty())
    return;
  if (auto ok = validate_id(into, keys.path_of(key)); !ok)
    keys.fault(key, ok.failure().message);
}

v1::Job read_job(table_reader& keys, task_use use) {
  v1::Job job;
  read_id(keys, "id", *job.mutable_id());
  bool gang = false;
  keys.flag("gang", gang);
  job.set_gang(gang);
  read_order(keys, job);
  if (!keys.has("groups")) {
    keys.text("name", *job.mutable_name());
    read_group(keys, *job.add_groups(), use, job.id(), false);
    return job;
  }
  keys.text("name", *job.mutable_name());
  keys.tables("groups", [&](table_reader& group) {
    auto* to = job.add_groups();
    read_id(group, "name", *to->mutable_name());
    read_group(group, *to, use, job.id(), true);
  });
  if (job.groups().empty())
    keys.fault("groups", fmt::format("{} is empty", keys.path_of("groups")));
  if (auto ok = check_stages(job); !ok && keys.faultless())
    keys.fault("groups", ok.failure().message);
  return job;
}

} // namespace

result<std::vector<v1::Job>> read_jobs(std::string_view text,
                                       const std::string& name, task_use use) {
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != text.npos && text[first] == '{';
  const auto document
      = is_json ? parse_json(text, name) : parse_toml(text, name);
  if (!document)
    return document.failure();
  fault_list faults{name};
  table_reader root{*document, "", faults};
  std::vector<v1::Job> jobs;
  if (root.has("jobs")) {
    root.tables("jobs", [&](table_reader& keys) {
      jobs.push_back(read_job(keys, use));
    });
    if (jobs.empty())
      root.fault("jobs", "jobs is empty");
  } else {
    jobs.push_back(read_job(root, use));
  }
  root.finish();
  if (!faults.empty())
    return faults.to_error();
  return jobs;
}

result<std::vector<v1::Job>> read_job_file(const std::string& path,
                                           task_use use) {
  const auto text
      = read_text_file(path == "-" ? "/dev/stdin" : path, max_file_bytes);
  if (!text)
    return as_usage_fault(text.failure());
  return read_jobs(*text, path == "-" ? "stdin" : path, use);
}

std::string random_id(std::string_view name) {
  const auto stem = validate_id(name, "name") && name.size() <= 100
                        ? name
                        : std::string_view{"job"};
  std::random_device device;
  std::uniform_int_distribution<std::uint64_t> any{0, (std::uint64_t{1} << 48)
                                                          - 1};
  return fmt::format("{}-{:012x}", stem, any(device));
}

} // namespace skerry
