#include "cli/server_options.hpp"

#include "api/tls_files.hpp"
#include "cli/configured.hpp"
#include "cli/exit_code.hpp"
#include "cli/version.hpp"
#include "config/reward_text.hpp"
#include "messages/policy_file.hpp"
#include "scheduling/specs.hpp"
#include "simulation/openb_reader.hpp"
#include "simulation/openb_track.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string>

namespace skerry {
namespace {

/// What users of the other servers are told. A port that is not known yet is
/// no address.
std::string told_address(const server_section& from) {
  if (!from.advertise.empty())
    return from.advertise;
  return from.listen.ends_with(":0") ? std::string{} : from.listen;
}

/// Both sets of files, before a library stumbles over them.
result<> check_folder(const std::string& directory, bool with_mesh) {
  if (directory.empty())
    return done{};
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  if (auto api = load_tls_files(directory, "api", tls_side::server, now); !api)
    return api.failure();
  if (!with_mesh)
    return done{};
  if (auto mesh = load_tls_files(directory, "mesh", tls_side::server, now);
      !mesh)
    return mesh.failure();
  return done{};
}

mesh_tls mesh_tls_in(const std::string& directory) {
  if (directory.empty())
    return {};
  return {.ca_file = directory + "/mesh-ca.pem",
          .certificate_file = directory + "/mesh.pem",
          .key_file = directory + "/mesh.key"};
}

mesh_options mesh_of(const configuration& from) {
  mesh_options mesh;
  mesh.listen = from.server.mesh_listen;
  mesh.advertise = from.server.mesh_advertise;
  mesh.seeds = from.server.seeds;
  mesh.tls = mesh_tls_in(from.tls.directory);
  mesh.heartbeat_milliseconds = from.timing.mesh_heartbeat_milliseconds;
  mesh.timeout_milliseconds = from.timing.mesh_timeout_milliseconds;
  return mesh;
}

jobs_options jobs_of(const configuration& from) {
  jobs_options jobs;
  jobs.max_live_tasks = static_cast<std::size_t>(from.limits.live_tasks);
  jobs.max_ended_jobs = static_cast<std::size_t>(from.limits.ended_jobs);
  jobs.max_tasks_per_job
      = static_cast<std::uint32_t>(from.limits.tasks_per_job);
  jobs.age_milliseconds = from.queue.age_milliseconds;
  jobs.share.half_life_milliseconds = from.queue.half_life_milliseconds;
  for (const auto& tenant : from.tenants)
    jobs.tenants.push_back(
        {tenant.name,
         static_cast<double>(tenant.weight_milli) / 1000,
         {{tenant.cpu_millicores, tenant.memory_bytes, tenant.gpu_milli}}});
  return jobs;
}

allocator_options cell_of(const configuration& from, policy_choice policy) {
  allocator_options cell;
  cell.policy = std::move(policy);
  cell.seed = static_cast<std::uint64_t>(from.policy.seed);
  cell.lease_milliseconds = from.timing.lease_milliseconds;
  cell.lease_margin_milliseconds = from.timing.lease_margin_milliseconds;
  cell.heartbeat_milliseconds = from.timing.heartbeat_milliseconds;
  cell.max_tasks_per_request
      = static_cast<std::size_t>(from.limits.tasks_per_request);
  return cell;
}

/// Each list of pods is a picture of its own.
result<std::vector<placement_picture>> traces_of(const islands_section& from) {
  std::vector<placement_picture> out;
  if (from.trace_nodes.empty() != from.trace_pods.empty())
    return error{error_code::invalid_argument,
                 "islands.trace_nodes and islands.trace_pods: give both"};
  if (from.trace_nodes.empty())
    return out;
  const auto nodes = read_openb_nodes(from.trace_nodes);
  if (!nodes)
    return nodes.failure();
  for (const auto& file : from.trace_pods) {
    const auto pods = read_openb_pods(file, *nodes);
    if (!pods)
      return pods.failure();
    auto& picture = out.emplace_back();
    for (const auto& node : *nodes)
      picture.nodes.push_back(node_spec_of(node));
    for (const auto& pod : *pods)
      picture.tasks.push_back(task_shape_of(pod));
  }
  return out;
}

result<server_islands_options> islands_of(const islands_section& from) {
  server_islands_options out;
  out.count = static_cast<std::uint32_t>(from.count);
  out.cpu_share = static_cast<double>(from.cpu_percent) / 100;
  for (const auto& name : from.optimisers)
    out.optimisers.push_back(*find_optimiser(name));
  // The configuration has checked the names.
  out.migration = *parse_migration(from.migration);
  out.exchange = *parse_topology(from.topology);
  out.scenarios = static_cast<std::uint32_t>(from.scenarios);
  out.seed = static_cast<std::uint64_t>(from.seed);
  out.from_cell = from.objective == "cell";
  out.refresh_milliseconds = from.refresh_milliseconds;
  out.checkpoint_milliseconds = from.checkpoint_milliseconds;
  if (out.count == 0 || from.objective == "synthetic")
    return out;
  auto traces = traces_of(from);
  if (!traces)
    return traces.failure();
  if (from.objective == "traces" && traces->empty())
    return error{error_code::invalid_argument,
                 "islands.objective is traces: which? Set "
                 "islands.trace_nodes and islands.trace_pods"};
  out.base = *std::move(traces);
  return out;
}

/// Between two looks at what other servers have recorded, where that is not
/// set.
constexpr std::int64_t learner_gather_milliseconds = 2'000;

std::optional<server_replay_options> replay_of(const replay_section& from) {
  if (!from.enabled)
    return {};
  server_replay_options out;
  out.recorder.most_per_second = static_cast<double>(from.decisions_per_second);
  for (const auto& weight : from.reward)
    (void)set_weight(out.recorder.weights, weight); // Checked when it was read.
  out.role.store.max_bytes = static_cast<std::uint64_t>(from.max_bytes);
  out.role.store.max_age_seconds = from.max_age_milliseconds / 1000;
  out.role.store.min_free_bytes
      = static_cast<std::uint64_t>(from.min_free_bytes);
  out.role.ring.capacity = static_cast<std::size_t>(from.in_memory);
  out.gather_milliseconds = from.gather_milliseconds;
  return out;
}

server_learner_options learner_of(const learner_section& from) {
  server_learner_options out;
  out.on = from.enabled;
  out.cpu_share = static_cast<double>(from.cpu_percent) / 100;
  out.checkpoint_milliseconds = from.checkpoint_milliseconds;
  out.learning.batch = static_cast<std::size_t>(from.batch);
  out.learning.publish_steps = static_cast<std::uint64_t>(from.publish_steps);
  out.learning.seed = static_cast<std::uint64_t>(from.seed);
  out.replay.capacity = static_cast<std::size_t>(from.capacity);
  return out;
}

server_league_options league_of(const league_section& from) {
  server_league_options out;
  auto& rules = out.rules;
  rules.mode = from.mode == "on"    ? league_mode::on
               : from.mode == "off" ? league_mode::off
                                    : league_mode::shadow;
  rules.episodes = static_cast<std::size_t>(from.episodes);
  rules.canary_share = static_cast<double>(from.canary_percent) / 100;
  rules.canary_milliseconds = from.canary_milliseconds;
  rules.canary_tasks = static_cast<std::size_t>(from.canary_tasks);
  rules.settle_milliseconds = from.settle_milliseconds;
  out.cpu_share = static_cast<double>(from.cpu_percent) / 100;
  out.round_milliseconds = from.round_milliseconds;
  out.seed = static_cast<std::uint64_t>(from.seed);
  return out;
}

result<cell_resizer_options> resizing_of(const resizing_section& from) {
  cell_resizer_options out;
  out.mode = from.mode == "auto"  ? v1::RESIZE_AUTO
             : from.mode == "off" ? v1::RESIZE_OFF
                                  : v1::RESIZE_RECOMMEND;
  out.interval_milliseconds = from.interval_milliseconds;
  out.most_per_second = static_cast<double>(from.per_second);
  // The configuration has checked names and numbers.
  const auto method = *find_resize_method(from.policy);
  auto& rules = out.rules;
  rules.cpu = shipped_resize_policy(method);
  rules.cpu.stretch = std::stod(from.stretch);
  if (!from.safety.empty())
    rules.cpu.safety = std::stod(from.safety);
  const auto known = parameters_of(method, false);
  for (const auto& text : from.parameters) {
    const auto name = text.substr(0, text.find('='));
    const auto value = std::stod(text.substr(name.size() + 1));
    const auto found = std::ranges::find(known, name, &resize_parameter::name);
    if (found == known.end())
      return error{
          error_code::invalid_argument,
          fmt::format("resizing.parameters: {} has no {}", from.policy, name)};
    if (value < found->lower || value > found->upper)
      return error{error_code::invalid_argument,
                   fmt::format("resizing.parameters: {} is from {} to {}", name,
                               found->lower, found->upper)};
    rules.cpu.parameters[static_cast<std::size_t>(found - known.begin())]
        = value;
  }
  rules.throttled_above = static_cast<double>(from.throttled_percent) / 100;
  rules.warm_up = static_cast<std::uint32_t>(from.warm_up);
  rules.memory_window = static_cast<std::uint32_t>(from.memory_window);
  rules.memory_headroom
      = static_cast<double>(from.memory_headroom_percent) / 100;
  return out;
}

} // namespace

result<server_setup> server_setup_of(const configuration& from) {
  server_setup out;
  out.server.name
      = from.server.name.empty() ? machine_name() : from.server.name;
  if (auto ok = validate_id(out.server.name, "the server's name"); !ok)
    return error{error_code::invalid_argument,
                 fmt::format("{}; give it one: server.name or --name",
                             ok.failure().message)};
  if (auto ok
      = check_folder(from.tls.directory, !from.server.mesh_listen.empty());
      !ok)
    return ok.failure();
  out.server.data_directory = from.server.data;
  out.server.api_address = told_address(from.server);
  out.server.version = version();
  out.server.mesh = mesh_of(from);
  out.server.with_mesh = !from.server.mesh_listen.empty();
  out.server.jobs = jobs_of(from);
  auto policy = find_policy(from.policy.name);
  if (!policy)
    return policy.failure();
  if (policy->weights)
    out.server.configured_policy = to_proto(policy->name, *policy->weights);
  out.server.cell = cell_of(from, *std::move(policy));
  auto resizing = resizing_of(from.resizing);
  if (!resizing)
    return resizing.failure();
  out.server.cell.resizing = *std::move(resizing);
  auto islands = islands_of(from.islands);
  if (!islands)
    return as_usage_fault(islands.failure());
  out.server.islands = *std::move(islands);
  out.server.replay = replay_of(from.replay);
  out.server.learner = learner_of(from.learner);
  if (from.learner.enabled) {
    if (!out.server.replay)
      return error{error_code::invalid_argument,
                   "learner.enabled: it learns from what is recorded; set "
                   "replay.enabled, too"};
    // Whoever trains learns from all servers, whoever may have to as well.
    auto& gather = out.server.replay->gather_milliseconds;
    gather = gather == 0 ? learner_gather_milliseconds : gather;
  }
  out.server.league = league_of(from.league);
  out.server.min_free_bytes
      = static_cast<std::uint64_t>(from.server.min_free_bytes);
  out.api.listen = from.server.listen;
  out.api.tls = from.tls.directory;
  return out;
}

} // namespace skerry
