#include "cli/server_options.hpp"

#include "api/tls_files.hpp"
#include "cli/configured.hpp"
#include "cli/version.hpp"
#include "messages/policy_file.hpp"
#include "scheduling/specs.hpp"

#include <fmt/format.h>

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

jobs_options jobs_of(const limits_section& from) {
  jobs_options jobs;
  jobs.max_live_tasks = static_cast<std::size_t>(from.live_tasks);
  jobs.max_ended_jobs = static_cast<std::size_t>(from.ended_jobs);
  jobs.max_tasks_per_job = static_cast<std::uint32_t>(from.tasks_per_job);
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
  out.server.jobs = jobs_of(from.limits);
  auto policy = find_policy(from.policy.name);
  if (!policy)
    return policy.failure();
  out.server.cell = cell_of(from, *std::move(policy));
  out.server.min_free_bytes
      = static_cast<std::uint64_t>(from.server.min_free_bytes);
  out.api.listen = from.server.listen;
  out.api.tls = from.tls.directory;
  return out;
}

} // namespace skerry
