#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "cli/report.hpp"
#include "config/units.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>

namespace skerry {
namespace {

/// Lines "Name:     value", without those that have none.
class property_list {
public:
  void add(std::string_view name, const std::string& value) {
    if (!value.empty())
      text_ += fmt::format("{:<14}{}\n", fmt::format("{}:", name),
                           printable(value));
  }

  template <class Number>
  void number(std::string_view name, Number value) {
    add(name, fmt::format("{}", value));
  }

  const std::string& text() const { return text_; }

private:
  std::string text_;
};

/// "2026-03-01 12:30:05Z (5m ago)".
std::string time_text(std::int64_t unix_milliseconds) {
  if (unix_milliseconds == 0)
    return {};
  return fmt::format(
      "{:%Y-%m-%d %H:%M:%S}Z ({} ago)",
      fmt::gmtime(static_cast<std::time_t>(unix_milliseconds / 1000)),
      age_text(unix_milliseconds_now() - unix_milliseconds));
}

template <class List>
std::string list_text(const List& items) {
  return fmt::format("{}", fmt::join(items, ", "));
}

std::string
named_text(const google::protobuf::RepeatedPtrField<v1::NamedAmount>& named) {
  std::vector<std::string> parts;
  for (const auto& each : named)
    parts.push_back(each.name() + " " + milli_text(each.amount_milli()));
  return list_text(parts);
}

std::string device_text(const v1::DeviceRequest& request) {
  const auto amount
      = request.share_milli() > 0
            ? milli_text(request.share_milli())
            : fmt::format("{}", request.count() == 0 ? 1 : request.count());
  auto text = fmt::format("{} {}", amount,
                          request.kind().empty() ? "gpu" : request.kind());
  if (!request.models().empty())
    text += fmt::format(" ({})", fmt::join(request.models(), " or "));
  if (request.memory_bytes() > 0)
    text += " with " + bytes_text(request.memory_bytes());
  return text;
}

std::string constraint_text(const v1::LabelConstraint& constraint) {
  auto word
      = enum_text(v1::LabelConstraint::Operator_Name(constraint.operator_()));
  std::ranges::replace(word, '_', ' ');
  auto text = fmt::format("{} {}", constraint.key(), word);
  if (!constraint.values().empty())
    text += fmt::format(" {}", list_text(constraint.values()));
  return text;
}

void add_profile(property_list& out, const v1::TaskProfile& profile) {
  out.add("Asks for", resources_text(profile.demand()));
  out.add("Named", named_text(profile.named()));
  for (const auto& request : profile.devices())
    out.add("Devices", device_text(request));
  for (const auto& constraint : profile.constraints())
    out.add("Constraint", constraint_text(constraint));
  out.add("Member of", list_text(profile.groups()));
  out.add("Affinity", list_text(profile.affinity()));
  out.add("Anti-affinity", list_text(profile.anti_affinity()));
  if (profile.priority() != 0)
    out.number("Priority", profile.priority());
  out.add("Tenant", profile.tenant());
  if (profile.max_attempts() > 1)
    out.number("Attempts", profile.max_attempts());
}

void add_work(property_list& out, const v1::Work& work) {
  if (work.has_exec()) {
    out.add("Runs", fmt::format("{}", fmt::join(work.exec().argv(), " ")));
    out.add("User", work.exec().user());
    out.add("Directory", work.exec().working_directory());
  } else if (work.has_simulated()) {
    out.add("Simulates",
            milliseconds_text(work.simulated().duration_milliseconds()));
  }
}

void add_usage(property_list& out, const v1::Usage& usage) {
  v1::Resources used;
  used.set_cpu_millicores(usage.cpu_millicores());
  used.set_memory_bytes(usage.memory_bytes());
  out.add("Uses", resources_text(used));
  if (usage.peak_memory_bytes() > 0)
    out.add("Peak memory", bytes_text(usage.peak_memory_bytes()));
  if (usage.throttled_periods_milli() > 0)
    out.add("Throttled", fmt::format("{:.0f} % of its time",
                                     usage.throttled_periods_milli() / 10.0));
  if (usage.out_of_memory_kills() > 0)
    out.add("Killed", fmt::format("{} processes, for want of memory",
                                  usage.out_of_memory_kills()));
  if (usage.response_microseconds() > 0)
    out.add("Answers in", fmt::format("{} us", usage.response_microseconds()));
}

void add_size(property_list& out, const v1::TaskSize& size) {
  if (size.mode() == v1::RESIZE_OFF || size.task().empty())
    return;
  out.add("Resizing",
          fmt::format("{}, by {}",
                      enum_text(v1::ResizeMode_Name(size.mode())).substr(7),
                      size.policy()));
  if (size.has_recommended())
    out.add("Wanted", resources_text(size.recommended()));
  out.add("Because of", size.reason());
  out.add("Waits", size.waits_for());
  out.number("Resizes", size.resizes());
  if (size.resizes() > 0)
    out.add("Last resize",
            fmt::format("{}: {}", time_text(size.resized_unix_milliseconds()),
                        size.resized_reason()));
}

std::string tasks_table(const v1::JobStatus& job) {
  text_table table{
      {"TASK", "STATE", "NODE", "CELL", "ATTEMPT", "CPU", "MEMORY", "OUTCOME"},
      4};
  for (const auto& task : job.tasks()) {
    const auto waits = task.state() == v1::QUEUED && !task.waits_for().empty();
    table.add({task.id(), state_text(task.state()),
               task.node().empty() ? "-" : task.node(),
               task.cell().empty() ? "-" : task.cell(),
               fmt::format("{}", task.attempt()),
               cpu_text(task.usage().cpu_millicores()),
               bytes_text(task.usage().memory_bytes()),
               waits ? task.waits_for() : outcome_text(task.outcome())});
  }
  return table.text();
}

const v1::TaskGroup* group_of(const v1::JobStatus& job,
                              const v1::TaskStatus& task) {
  for (const auto& group : job.job().groups())
    if ((group.name().empty() ? "task" : group.name()) == task.group())
      return &group;
  return nullptr;
}

} // namespace

std::string job_text(const v1::JobStatus& job) {
  property_list out;
  out.add("Job", job.id());
  out.add("Name", job.name());
  out.add("State", job_state_text(job));
  out.add("Server", job.server());
  out.add("Submitted", time_text(job.submitted_unix_milliseconds()));
  out.add("Ended", time_text(job.ended_unix_milliseconds()));
  out.add("Gang", job.job().gang() ? "all tasks start, or none" : "");
  out.add("Tasks", fmt::format("{} queued, {} placed, {} running, {} finished, "
                               "{} failed, {} cancelled",
                               job.queued(), job.placed(), job.running(),
                               job.finished(), job.failed(), job.cancelled()));
  for (const auto& group : job.job().groups()) {
    out.add("Group",
            fmt::format("{} x {}", group.name().empty() ? "task" : group.name(),
                        group.count() == 0 ? 1 : group.count()));
    add_profile(out, group.profile());
    add_work(out, group.work());
  }
  return out.text() + "\n" + tasks_table(job);
}

std::string task_text(const v1::JobStatus& job, const v1::TaskStatus& task,
                      const v1::TaskSize& size) {
  property_list out;
  out.add("Task", task.id());
  out.add("Job", job.id());
  out.add("State", state_text(task.state()));
  out.add("Waits for", task.waits_for());
  out.add("Node", task.node());
  out.add("Cell", task.cell());
  out.add("Devices used", list_text(task.devices()));
  out.number("Attempt", task.attempt());
  out.number("Failures", task.failures());
  if (task.has_outcome()) {
    out.add("Outcome", outcome_text(task.outcome()));
    out.add("Started", time_text(task.outcome().started_unix_milliseconds()));
    out.add("Ended", time_text(task.outcome().ended_unix_milliseconds()));
  }
  if (task.has_demand())
    out.add("Has", resources_text(task.demand()));
  if (task.has_usage())
    add_usage(out, task.usage());
  add_size(out, size);
  if (const auto* group = group_of(job, task)) {
    add_profile(out, group->profile());
    add_work(out, group->work());
  }
  return out.text();
}

std::string node_text(const v1::NodeStatus& node) {
  property_list out;
  out.add("Node", node.spec().name());
  out.add("Cell", node.cell());
  out.add("Condition", enum_text(v1::NodeCondition_Name(node.condition())));
  out.add("Trouble", node.trouble());
  out.add("Agent", node.attached()
                       ? fmt::format("attached, session {}", node.session())
                       : fmt::format("silent for {}",
                                     age_text(node.silent_milliseconds())));
  out.add("Capacity", resources_text(node.spec().capacity()));
  out.add("Free", resources_text(node.free()));
  out.add("Named", named_text(node.spec().named()));
  int index = 0;
  for (const auto& device : node.spec().devices())
    out.add(fmt::format("Device {}", index++),
            fmt::format("{} {} {}",
                        device.kind().empty() ? "gpu" : device.kind(),
                        device.model(), bytes_text(device.memory_bytes())));
  if (!node.spec().devices().empty())
    out.add("Devices free", milli_text(node.free_device_milli()));
  std::vector<std::string> labels;
  for (const auto& [key, value] : node.spec().labels())
    labels.push_back(fmt::format("{}={}", key, value));
  std::ranges::sort(labels);
  out.add("Labels", list_text(labels));
  out.number("Tasks", node.tasks());
  for (const auto& task : node.task_ids())
    out.add("", task);
  return out.text();
}

std::string server_text(const v1::ServerStatus& server) {
  property_list out;
  out.add("Server", server.name());
  out.add("State", server_state_text(server));
  out.add("Version", server.version());
  out.add("API", server.api_address());
  out.add("Mesh", server.mesh_address());
  out.number("Epoch", server.epoch());
  out.add("Policy", server.policy());
  out.add("Nodes", fmt::format("{}, {} attached", server.nodes(),
                               server.nodes_attached()));
  out.add("Capacity", resources_text(server.capacity()));
  out.add("Free", resources_text(server.free()));
  out.number("Jobs", server.jobs());
  out.add("Tasks", fmt::format("{} queued, {} placed or running, {} finished, "
                               "{} failed",
                               server.tasks_queued(), server.tasks_live(),
                               server.tasks_finished(), server.tasks_failed()));
  out.add("Decisions",
          fmt::format(
              "{}, p50 {:.1f} us, p99 {:.1f} us", server.decisions(),
              static_cast<double>(server.decision_p50_nanoseconds()) / 1000,
              static_cast<double>(server.decision_p99_nanoseconds()) / 1000));
  out.add("Journal", fmt::format("{} syncs, p99 {} us", server.syncs(),
                                 server.sync_p99_microseconds()));
  return out.text();
}

} // namespace skerry
