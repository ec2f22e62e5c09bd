#include "cli/arguments.hpp"
#include "cli/client_command.hpp"
#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "messages/skerry/v1/jobs.grpc.pb.h"
#include "messages/skerry/v1/nodes.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace skerry {
namespace {

struct get_flags {
  std::string limit = "1000";
  std::string states;
  std::string cell;
  std::string task;
  bool migrations = false;
  bool watch = false;
};

/// What the flags mean.
struct selection {
  std::uint32_t limit = 0;
  std::vector<v1::TaskState> states;
  std::string cell;
  std::string task;
  bool migrations = false;
  bool notes = true; ///< Not with every look of a watch.
};

result<selection> understand(const get_flags& flags) {
  constexpr std::array<std::string_view, 6> states{
      "queued", "placed", "running", "finished", "failed", "cancelled"};
  selection out{
      .limit = 0, .states = {}, .cell = flags.cell, .task = flags.task};
  const auto limit = parse_whole("--limit", flags.limit, 0, 1'000'000'000);
  if (!limit)
    return limit.failure();
  out.migrations = flags.migrations;
  out.notes = !flags.watch;
  out.limit = *limit == 0 ? std::numeric_limits<std::uint32_t>::max()
                          : static_cast<std::uint32_t>(*limit);
  if (flags.states.empty())
    return out;
  const auto names = parse_names("--state", flags.states, states);
  if (!names)
    return names.failure();
  for (const auto& name : *names)
    out.states.push_back(static_cast<v1::TaskState>(
        1 + (std::ranges::find(states, name) - states.begin())));
  return out;
}

// -- asking, page by page -----------------------------------------------------

result<v1::ListJobsReply> jobs(client& cluster, const selection& what) {
  constexpr std::uint32_t page = 1000;
  v1::ListJobsReply all;
  v1::ListJobsRequest request;
  for (const auto state : what.states)
    request.add_states(state);
  do {
    request.set_limit(std::min(
        page, what.limit - static_cast<std::uint32_t>(all.jobs_size())));
    auto reply = cluster.call(&v1::Jobs::Stub::List, request);
    if (!reply)
      return reply;
    all.mutable_jobs()->MergeFrom(reply->jobs());
    *all.mutable_unreachable_servers() = reply->unreachable_servers();
    all.set_more(reply->more() && !reply->jobs().empty());
    if (all.more())
      request.set_after(reply->jobs().rbegin()->id());
  } while (all.more()
           && static_cast<std::uint32_t>(all.jobs_size()) < what.limit);
  return all;
}

/// Of one cell, or of all when they fit into one page.
result<v1::ListNodesReply> nodes_of(client& cluster, const std::string& cell,
                                    std::uint32_t limit) {
  constexpr std::uint32_t page = 10'000;
  v1::ListNodesReply all;
  v1::ListNodesRequest request;
  request.set_cell(cell);
  do {
    request.set_limit(
        std::min(page, limit - static_cast<std::uint32_t>(all.nodes_size())));
    auto reply = cluster.call(&v1::Nodes::Stub::List, request);
    if (!reply)
      return reply;
    all.mutable_nodes()->MergeFrom(reply->nodes());
    *all.mutable_unreachable_cells() = reply->unreachable_cells();
    all.set_more(reply->more() && !reply->nodes().empty());
    if (all.more())
      request.set_after(reply->nodes().rbegin()->spec().name());
  } while (!cell.empty() && all.more()
           && static_cast<std::uint32_t>(all.nodes_size()) < limit);
  return all;
}

result<v1::ListNodesReply> nodes(client& cluster, const selection& what) {
  auto all = nodes_of(cluster, what.cell, what.limit);
  if (!all || !all->more() || !what.cell.empty())
    return all;
  // Pages are by name within a cell, so each is read for itself.
  auto servers = cluster.call(&v1::Cluster::Stub::Servers, {});
  if (!servers)
    return servers.failure();
  all->clear_nodes();
  all->set_more(false);
  for (const auto& server : servers->servers()) {
    const auto have = static_cast<std::uint32_t>(all->nodes_size());
    if (have >= what.limit) {
      all->set_more(true);
      break;
    }
    auto cell = nodes_of(cluster, server.name(), what.limit - have);
    if (!cell)
      return cell;
    all->mutable_nodes()->MergeFrom(cell->nodes());
    all->set_more(all->more() || cell->more());
  }
  return all;
}

// -- showing ------------------------------------------------------------------

void note_more(console& out, const selection& what, bool more, int shown) {
  if (more && what.notes)
    out.note(fmt::format("these are {}, and there are more; --limit 0 shows "
                         "all",
                         shown));
}

result<view> view_jobs(client& cluster, const selection& what, console& out) {
  auto reply = jobs(cluster, what);
  if (!reply)
    return reply.failure();
  note_more(out, what, reply->more(), reply->jobs_size());
  if (what.notes)
    for (const auto& server : reply->unreachable_servers())
      out.note(fmt::format("server {} does not answer; its jobs are not shown",
                           server));
  // Lists leave these empty.
  auto data = json_of(*reply);
  for (auto& job : data["jobs"])
    job.erase("tasks");
  return view{data, jobs_table(*reply)};
}

result<view> view_nodes(client& cluster, const selection& what, console& out) {
  auto reply = nodes(cluster, what);
  if (!reply)
    return reply.failure();
  std::ranges::sort(*reply->mutable_nodes(), {},
                    [](const auto& node) { return node.spec().name(); });
  if (static_cast<std::uint32_t>(reply->nodes_size()) > what.limit) {
    reply->mutable_nodes()->DeleteSubrange(static_cast<int>(what.limit),
                                           reply->nodes_size()
                                               - static_cast<int>(what.limit));
    reply->set_more(true);
  }
  note_more(out, what, reply->more(), reply->nodes_size());
  if (what.notes)
    for (const auto& cell : reply->unreachable_cells())
      out.note(fmt::format("server {} does not answer; its nodes are not shown",
                           cell));
  auto data = json_of(*reply);
  for (auto& node : data["nodes"])
    node.erase("task_ids");
  return view{data, nodes_table(*reply)};
}

result<view> view_servers(client& cluster, const selection&, console&) {
  auto reply = cluster.call(&v1::Cluster::Stub::Servers, {});
  if (!reply)
    return reply.failure();
  return view{json_of(*reply), servers_table(*reply)};
}

result<view> view_replay(client& cluster, const selection&, console&) {
  auto reply = cluster.call(&v1::Cluster::Stub::Servers, {});
  if (!reply)
    return reply.failure();
  json data{{"replay", json::array()}};
  for (const auto& server : reply->servers())
    if (server.has_replay()) {
      auto each = json_of(server.replay());
      each["server"] = server.name();
      data["replay"].push_back(std::move(each));
    }
  return view{data, replay_table(*reply)};
}

result<view> view_islands(client& cluster, const selection& what,
                          console& out) {
  v1::IslandsRequest request;
  request.set_migrations(what.migrations);
  auto reply = cluster.call(&v1::Cluster::Stub::Islands, request);
  if (!reply)
    return reply.failure();
  if (what.notes)
    for (const auto& server : reply->unreachable_servers())
      out.note(fmt::format("server {} does not answer; its islands are not "
                           "shown",
                           server));
  return view{json_of(*reply), what.migrations ? migrations_table(*reply)
                                               : islands_table(*reply)};
}

result<view> view_learner(client& cluster, const selection& what,
                          console& out) {
  auto reply = cluster.call(&v1::Cluster::Stub::Learner, {});
  if (!reply)
    return reply.failure();
  if (what.notes)
    for (const auto& server : reply->unreachable_servers())
      out.note(fmt::format("server {} does not answer; its learner is not "
                           "shown",
                           server));
  return view{json_of(*reply), learner_table(*reply)};
}

result<view> view_resizes(client& cluster, const selection& what,
                          console& out) {
  constexpr std::uint32_t page = 1000;
  v1::ListResizesReply all;
  v1::ListResizesRequest request;
  request.set_task(what.task);
  do {
    request.set_limit(std::min(
        page, what.limit - static_cast<std::uint32_t>(all.tasks_size())));
    auto reply = cluster.call(&v1::Jobs::Stub::Resizes, request);
    if (!reply)
      return reply.failure();
    all.mutable_tasks()->MergeFrom(reply->tasks());
    *all.mutable_unreachable_servers() = reply->unreachable_servers();
    all.set_more(reply->more() && !reply->tasks().empty());
    if (all.more())
      request.set_after(reply->tasks().rbegin()->task());
  } while (all.more()
           && static_cast<std::uint32_t>(all.tasks_size()) < what.limit);
  note_more(out, what, all.more(), all.tasks_size());
  if (what.notes)
    for (const auto& server : all.unreachable_servers())
      out.note(fmt::format("server {} does not answer; its tasks are not shown",
                           server));
  return view{json_of(all), resizes_table(all)};
}

result<view> view_tenants(client& cluster, const selection& what,
                          console& out) {
  auto reply = cluster.call(&v1::Cluster::Stub::Tenants, {});
  if (!reply)
    return reply.failure();
  if (what.notes)
    for (const auto& server : reply->unreachable_servers())
      out.note(fmt::format("server {} does not answer; what tenants have "
                           "there is not shown",
                           server));
  return view{json_of(*reply), tenants_table(*reply)};
}

result<view> view_decisions(client& cluster, const selection& what, console&) {
  v1::ListDecisionsRequest request;
  request.set_limit(std::min<std::uint32_t>(what.limit, 1000));
  request.set_task(what.task);
  auto reply = cluster.call(&v1::Decisions::Stub::List, request);
  if (!reply)
    return reply.failure();
  return view{json_of(*reply), decision_records_table(*reply)};
}

using viewer = result<view> (*)(client&, const selection&, console&);

ending run_get(const global_flags& globals, const get_flags& flags, viewer look,
               console& out) {
  const auto what = understand(flags);
  if (!what)
    return what.failure();
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  return show(out, flags.watch, [&] { return look(*cluster, *what, out); });
}

CLI::App& add_list(CLI::App& get, const global_flags& globals, action& chosen,
                   const std::shared_ptr<get_flags>& flags,
                   const std::string& name, const std::string& what,
                   viewer look) {
  auto& list = *get.add_subcommand(name, what);
  list.add_flag("-w,--watch", flags->watch, "Again whenever it changes");
  list.footer("Example:\n  skerry get " + name + " -o json");
  list.final_callback([&globals, &chosen, flags, look] {
    chosen = [&globals, flags, look](console& out) {
      return run_get(globals, *flags, look, out);
    };
  });
  return list;
}

} // namespace

void add_get_command(CLI::App& parent, const global_flags& globals,
                     action& chosen) {
  auto& get = *parent.add_subcommand("get", "List what is in the cluster");
  get.require_subcommand(1);
  get.footer("-o json gives {\"jobs\": [...]}, {\"nodes\": [...]} and so on, "
             "with the names of the\nprotocol's fields; with --watch a line "
             "each time.\n"
             "Example:\n  skerry get jobs --state queued,running --watch");
  const auto flags = std::make_shared<get_flags>();
  const auto add_limit = [&flags](CLI::App& list) {
    list.add_option("--limit", flags->limit, "At most so many; 0 for all")
        ->type_name("N")
        ->capture_default_str();
  };
  auto& job_list = add_list(get, globals, chosen, flags, "jobs",
                            "Jobs of all servers, by id", view_jobs);
  add_limit(job_list);
  add_list_flag(job_list, "--state", flags->states,
                "Only in these: queued, placed, running,\nfinished, failed, "
                "cancelled")
      ->type_name("STATE,...");
  auto& node_list = add_list(get, globals, chosen, flags, "nodes",
                             "Nodes of all cells, by name", view_nodes);
  add_limit(node_list);
  node_list.add_option("--cell", flags->cell, "Only those of this server")
      ->type_name("SERVER")
      ->check(refuse_empty);
  add_list(get, globals, chosen, flags, "servers",
           "Servers as the one that answers sees them", view_servers);
  add_list(get, globals, chosen, flags, "replay",
           "Experience that servers have recorded, to learn from", view_replay);
  auto& islands = add_list(get, globals, chosen, flags, "islands",
                           "Populations that improve policies, of all servers",
                           view_islands);
  islands.add_flag("--migrations", flags->migrations,
                   "The last migrants of each instead");
  add_list(get, globals, chosen, flags, "learner",
           "The training of policy and value, at each server", view_learner);
  auto& resizes
      = add_list(get, globals, chosen, flags, "resizes",
                 "Running tasks that may be resized: what they use, have\nand "
                 "ought to have",
                 view_resizes);
  add_limit(resizes);
  resizes.add_option("--task", flags->task, "Only this task")
      ->type_name("ID")
      ->check(refuse_empty);
  add_list(get, globals, chosen, flags, "tenants",
           "Shares and quotas of tenants, at each server", view_tenants);
  auto& decisions
      = add_list(get, globals, chosen, flags, "decisions",
                 "The last decisions, newest first", view_decisions);
  add_limit(decisions);
  decisions.add_option("--task", flags->task, "Only of this task")
      ->type_name("ID")
      ->check(refuse_empty);
}

} // namespace skerry
