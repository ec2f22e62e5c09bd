#include "cli/cluster_text.hpp"

#include "cli/proto_json.hpp"
#include "cli/report.hpp"
#include "config/units.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <ctime>

namespace skerry {
namespace {

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string ago(std::int64_t unix_milliseconds) {
  if (unix_milliseconds == 0)
    return "-";
  return age_text(unix_milliseconds_now() - unix_milliseconds);
}

/// "3.5/4": what is free of what there is.
std::string of_all(const std::string& free, const std::string& all) {
  return fmt::format("{}/{}", free, all);
}

std::string devices_text(const v1::NodeStatus& node) {
  std::int64_t all = 0;
  for (const auto& device : node.spec().devices())
    all += device.capacity_milli() == 0 ? 1000 : device.capacity_milli();
  if (all == 0)
    return "-";
  return of_all(milli_text(node.free_device_milli()), milli_text(all));
}

std::string condition_text(const v1::NodeStatus& node) {
  auto text = enum_text(v1::NodeCondition_Name(node.condition()));
  if (!node.attached())
    text += ", silent";
  return text;
}

template <class List>
std::string devices_list(const List& devices) {
  return devices.empty() ? "-" : fmt::format("{}", fmt::join(devices, ","));
}

std::string microseconds_text(std::uint64_t nanoseconds) {
  return fmt::format("{:.1f} us", static_cast<double>(nanoseconds) / 1000);
}

} // namespace

std::int64_t unix_milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string state_text(v1::TaskState state) {
  return enum_text(v1::TaskState_Name(state));
}

std::string job_state_text(const v1::JobStatus& job) {
  return job.cancelling() ? "cancelling" : state_text(job.state());
}

std::string server_state_text(const v1::ServerStatus& server) {
  const auto silence = age_text(server.silent_milliseconds());
  if (!server.reachable())
    return server.incarnation() == 0 ? "not seen since the start"
                                     : fmt::format("silent for {}", silence);
  const auto state = server.trouble().empty() ? "up" : server.trouble();
  // Who answers has just been heard.
  return server.silent_milliseconds() == 0
             ? state
             : fmt::format("{}, as of {} ago", state, silence);
}

bool has_ended(v1::TaskState state) {
  return state == v1::FINISHED || state == v1::FAILED || state == v1::CANCELLED;
}

std::string resources_text(const v1::Resources& amounts) {
  std::vector<std::string> parts;
  if (amounts.cpu_millicores() != 0)
    parts.push_back("cpu " + cpu_text(amounts.cpu_millicores()));
  if (amounts.memory_bytes() != 0)
    parts.push_back("memory " + bytes_text(amounts.memory_bytes()));
  if (amounts.disk_bytes() != 0)
    parts.push_back("disk " + bytes_text(amounts.disk_bytes()));
  if (amounts.network_bits_per_second() != 0)
    parts.push_back("network "
                    + bits_per_second_text(amounts.network_bits_per_second()));
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string outcome_text(const v1::Outcome& outcome) {
  std::string text;
  if (outcome.out_of_memory())
    text = "out of memory";
  else if (outcome.signal() != 0)
    text = fmt::format("killed by signal {}", outcome.signal());
  else if (outcome.succeeded() || outcome.exit_code() != 0)
    text = fmt::format("exit code {}", outcome.exit_code());
  if (outcome.reason().empty())
    return or_dash(text);
  return text.empty() ? outcome.reason()
                      : fmt::format("{}: {}", text, outcome.reason());
}

// -- lists --------------------------------------------------------------------

std::string jobs_table(const v1::ListJobsReply& jobs) {
  text_table table{{"JOB", "NAME", "STATE", "SERVER", "QUEUED", "PLACED",
                    "RUNNING", "FINISHED", "FAILED", "CANCELLED", "AGE"},
                   4};
  for (const auto& job : jobs.jobs())
    table.add(
        {job.id(), or_dash(job.name()), job_state_text(job), job.server(),
         fmt::format("{}", job.queued()), fmt::format("{}", job.placed()),
         fmt::format("{}", job.running()), fmt::format("{}", job.finished()),
         fmt::format("{}", job.failed()), fmt::format("{}", job.cancelled()),
         ago(job.submitted_unix_milliseconds())});
  return table.text();
}

std::string nodes_table(const v1::ListNodesReply& nodes) {
  text_table table{{"NODE", "CELL", "CONDITION", "CPU FREE", "MEMORY FREE",
                    "DEVICES FREE", "TASKS", "HEARD"},
                   3};
  for (const auto& node : nodes.nodes()) {
    const auto& all = node.spec().capacity();
    const auto& free = node.free();
    table.add({node.spec().name(), node.cell(), condition_text(node),
               of_all(milli_text(free.cpu_millicores()),
                      milli_text(all.cpu_millicores())),
               of_all(bytes_text(free.memory_bytes()),
                      bytes_text(all.memory_bytes())),
               devices_text(node), fmt::format("{}", node.tasks()),
               node.attached() ? "now" : age_text(node.silent_milliseconds())});
  }
  return table.text();
}

std::string servers_table(const v1::ServersReply& servers) {
  text_table table{{"SERVER", "STATE", "API", "POLICY", "NODES", "QUEUED",
                    "LIVE", "JOBS", "DECISIONS", "P99"},
                   4};
  for (const auto& server : servers.servers())
    table.add({server.name(), server_state_text(server),
               or_dash(server.api_address()), or_dash(server.policy()),
               of_all(fmt::format("{}", server.nodes_attached()),
                      fmt::format("{}", server.nodes())),
               fmt::format("{}", server.tasks_queued()),
               fmt::format("{}", server.tasks_live()),
               fmt::format("{}", server.jobs()),
               fmt::format("{}", server.decisions()),
               microseconds_text(server.decision_p99_nanoseconds())});
  return table.text();
}

std::string replay_table(const v1::ServersReply& servers) {
  text_table table{{"SERVER", "RECORDED", "IN MEMORY", "FROM DISK", "GATHERED",
                    "SAMPLED", "DROPPED", "NOT ON DISK", "DAMAGED", "SKIPPED",
                    "BYTES"}};
  std::string notes;
  for (const auto& server : servers.servers()) {
    if (!server.has_replay())
      continue;
    const auto& replay = server.replay();
    std::vector<std::string> row{server.name()};
    for (const auto figure :
         {replay.recorded(), replay.held(), replay.rebuilt(), replay.gathered(),
          replay.sampled(), replay.dropped(), replay.not_on_disk(),
          replay.damaged(), replay.skipped()})
      row.push_back(fmt::format("{}", figure));
    row.push_back(bytes_text(static_cast<std::int64_t>(replay.bytes())));
    table.add(std::move(row));
    if (!replay.trouble().empty())
      notes += fmt::format("{}: {}\n", server.name(),
                           printable(replay.trouble()));
  }
  auto text = table.text();
  return notes.empty() ? text : text + "\n" + notes;
}

std::string decision_records_table(const v1::ListDecisionsReply& decisions) {
  text_table table{
      {"NUMBER", "AGE", "TASK", "NODE", "DEVICES", "CELL", "POLICY", "WHY"}, 8};
  for (const auto& record : decisions.decisions()) {
    const auto& decision = record.decision();
    table.add({fmt::format("{}", record.number()),
               ago(record.unix_milliseconds()),
               fmt::format("{}:{}", record.task(), record.attempt()),
               or_dash(decision.node()), devices_list(decision.devices()),
               or_dash(decision.cell()), or_dash(decision.policy()),
               decision.placed() ? "" : decision.text()});
  }
  return table.text();
}

std::string decisions_table(const std::vector<std::string>& names,
                            const v1::DecideReply& reply) {
  text_table table{
      {"TASK", "NODE", "DEVICES", "CELL", "POLICY", "RESERVATION", "SCORE"}, 6};
  std::string reasons;
  for (int i = 0; i < reply.decisions_size(); ++i) {
    const auto& decision = reply.decisions(i);
    const auto at = static_cast<std::size_t>(i);
    const auto& name = at < names.size() ? names[at] : std::string{"?"};
    table.add(
        {name, or_dash(decision.node()), devices_list(decision.devices()),
         or_dash(decision.cell()), or_dash(decision.policy()),
         or_dash(decision.reservation()),
         decision.placed() ? fmt::format("{:.4g}", decision.score()) : "-"});
    if (!decision.placed())
      reasons += fmt::format("\n{} is not placed{}: {}", name,
                             decision.infeasible() ? " and never will be" : "",
                             decision.text());
    for (const auto& refusal : decision.refusals())
      reasons += fmt::format("{}{} {}: {}",
                             &refusal == &*decision.refusals().begin()
                                 ? fmt::format("\n{}: refused by ", name)
                                 : "; ",
                             refusal.nodes(),
                             refusal.nodes() == 1 ? "node" : "nodes",
                             refusal.reason());
  }
  std::string text = table.text();
  for (std::size_t at = 0; at < reasons.size();) {
    const auto end = std::min(reasons.find('\n', at), reasons.size());
    text += printable(reasons.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return text;
}

} // namespace skerry
