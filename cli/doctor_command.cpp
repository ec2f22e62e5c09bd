#include "cli/client.hpp"
#include "cli/configured.hpp"
#include "cli/doctor.hpp"
#include "cli/report.hpp"
#include "cli/version.hpp"
#include "config/units.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

void append(std::vector<finding>& to, std::vector<finding> more) {
  std::ranges::move(more, std::back_inserter(to));
}

finding check_server(const v1::ServerStatus& server) {
  const auto name = fmt::format("server {}", server.name());
  if (!server.reachable())
    return {
        health::fail, name,
        fmt::format("silent for {}", age_text(server.silent_milliseconds())),
        fmt::format("start it again; if it is gone for good: skerry "
                    "forget-server {}",
                    server.name())};
  if (!server.trouble().empty())
    return {
        health::fail, name, server.trouble(),
        fmt::format("see its log; skerry describe server {}", server.name())};
  if (server.version() != version())
    return {health::warn, name,
            fmt::format("version {}, this command is {}", server.version(),
                        version()),
            "use the same version everywhere"};
  if (server.nodes_attached() < server.nodes())
    return {health::warn, name,
            fmt::format("{} of {} nodes are attached", server.nodes_attached(),
                        server.nodes()),
            "skerry get nodes shows which; start their agents"};
  return {
      health::ok, name,
      fmt::format("up, version {}, {} nodes", server.version(), server.nodes()),
      ""};
}

std::vector<finding>
check_configuration(const result<loaded_configuration>& loaded) {
  if (!loaded)
    return {{health::fail, "configuration", loaded.failure().message,
             "skerry config check, after each change"}};
  std::vector<finding> found{
      {health::ok, "configuration",
       loaded->file.empty() ? "no file, defaults" : loaded->file, ""}};
  for (const auto& note : loaded->notes)
    found.push_back(
        {health::warn, "configuration", note, "unset or rename it"});
  return found;
}

/// Whether somebody has said where `section` keeps its data.
bool is_chosen(const result<loaded_configuration>& loaded,
               std::string_view section) {
  return loaded && std::ranges::any_of(loaded->settings, [&](const auto& each) {
           return each.section == section && each.key == "data"
                  && each.from != "default";
         });
}

ending run_doctor(const global_flags& globals, console& out) {
  const auto loaded = configure(globals);
  auto findings = check_configuration(loaded);
  // A damaged configuration does not keep the rest from being looked at.
  const auto from = loaded ? loaded->values : configuration{};
  append(findings, check_certificates(from.client_tls()));
  if (loaded)
    append(findings, check_servers(from));
  findings.push_back(check_clock());
  append(findings,
         check_disk("server's disk", from.server.data,
                    is_chosen(loaded, "server"), from.server.min_free_bytes));
  append(findings,
         check_disk("agent's disk", from.agent.data, is_chosen(loaded, "agent"),
                    from.server.min_free_bytes));
  findings.push_back(check_cgroups());
  json data{{"ok", true}, {"findings", json::array()}};
  text_table table{{"STATE", "WHAT", "FOUND", "TO MEND IT"}, 4};
  std::size_t failed = 0;
  for (const auto& [state, what, text, mend] : findings) {
    failed += state == health::fail ? 1 : 0;
    data["findings"].push_back({{"state", to_string(state)},
                                {"what", what},
                                {"found", text},
                                {"mend", mend}});
    table.add({std::string{to_string(state)}, what, text, mend});
  }
  data["ok"] = failed == 0;
  const auto text
      = out.format == output_format::json ? json_text({data}) : table.text();
  if (auto ok = out.print(text); !ok)
    return ok;
  if (failed == 0)
    return {};
  return {exit_code::failure,
          fmt::format("{} of {} checks failed", failed, findings.size())};
}

} // namespace

std::vector<finding> check_servers(const configuration& from) {
  std::vector<finding> found;
  std::set<std::string> seen;
  for (const auto& address : from.client.addresses) {
    auto only = from;
    only.client.addresses = {address};
    const auto what = fmt::format("address {}", address);
    auto cluster = client::make(only);
    if (!cluster) {
      found.push_back({health::fail, what, cluster.failure().message,
                       "see the certificates above"});
      continue;
    }
    const auto reply = cluster->call(&v1::Cluster::Stub::Servers, {});
    if (!reply) {
      found.push_back({health::fail, what, reply.failure().message,
                       "is it running, and is the address right? skerry "
                       "server --help"});
      continue;
    }
    found.push_back({health::ok, what,
                     fmt::format("{} answers", reply->answered_by()), ""});
    for (const auto& server : reply->servers())
      if (seen.insert(server.name()).second)
        found.push_back(check_server(server));
  }
  return found;
}

void add_doctor_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& doctor = *parent.add_subcommand(
      "doctor", "Look for what is wrong, and say how to mend it");
  doctor.footer("Exit code 1 when something fails. -o json gives {\"ok\", "
                "\"findings\": [...]}.\n"
                "Example:\n  skerry doctor --address 10.0.0.1:7070");
  doctor.final_callback([&globals, &chosen] {
    chosen = [&globals](console& out) { return run_doctor(globals, out); };
  });
}

} // namespace skerry
