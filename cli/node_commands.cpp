#include "cli/client_command.hpp"
#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"
#include "messages/skerry/v1/nodes.grpc.pb.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace skerry {
namespace {

struct node_flags {
  std::vector<std::string> names;
  bool wait = false;
};

/// Does something to each name, though it may fail for some.
ending for_each_name(const std::vector<std::string>& names,
                     const std::function<result<>(const std::string&)>& act) {
  ending worst;
  for (const auto& name : names)
    if (const auto ended = act(name); !ended) {
      worst.code = exit_code_of(ended.failure().code);
      worst.complaint
          += fmt::format("{}{}: {}", worst.complaint.empty() ? "" : "\n", name,
                         ended.failure().message);
    }
  return worst;
}

ending print_nodes(console& out, const v1::ListNodesReply& nodes) {
  if (nodes.nodes().empty())
    return {};
  json data{{"nodes", json::array()}};
  for (const auto& node : nodes.nodes())
    data["nodes"].push_back(json_of(node));
  return print(out, {data, nodes_table(nodes)});
}

/// Until nothing runs on the node any more.
ending wait_until_empty(client& cluster, v1::NodeStatus& node,
                        const console& out) {
  v1::GetNodeRequest request;
  request.set_name(node.spec().name());
  patience bearing{out};
  auto left = node.tasks();
  while (node.tasks() > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    auto now = cluster.call(&v1::Nodes::Stub::Get, request);
    if (now) {
      bearing.calm();
      node = *std::move(now);
    } else if (!bearing.bears(now.failure())) {
      return now.failure();
    }
    if (node.tasks() != left)
      out.note(fmt::format("{}: {} tasks left", request.name(), node.tasks()));
    left = node.tasks();
  }
  return {};
}

ending run_condition(const global_flags& globals, const node_flags& flags,
                     v1::NodeCondition condition, console& out) {
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  v1::ListNodesReply changed;
  auto worst = for_each_name(flags.names, [&](const std::string& name) {
    v1::SetConditionRequest request;
    request.set_name(name);
    request.set_condition(condition);
    auto node = cluster->call(&v1::Nodes::Stub::SetCondition, request);
    if (!node)
      return result<>{node.failure()};
    *changed.add_nodes() = *node;
    return result<>{done{}};
  });
  if (flags.wait)
    for (auto& node : *changed.mutable_nodes())
      if (auto ok = wait_until_empty(*cluster, node, out); !ok)
        return ok;
  if (auto ok = print_nodes(out, changed); !ok)
    return ok;
  return worst;
}

ending run_forget_node(const global_flags& globals, const node_flags& flags,
                       console& out) {
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  json data{{"nodes", json::array()}};
  std::string text;
  auto worst = for_each_name(flags.names, [&](const std::string& name) {
    v1::GetNodeRequest request;
    request.set_name(name);
    auto reply = cluster->call(&v1::Nodes::Stub::Forget, request);
    if (!reply)
      return result<>{reply.failure()};
    data["nodes"].push_back(
        {{"name", name}, {"tasks_lost", reply->tasks_lost()}});
    text += fmt::format("{} is forgotten, {} tasks are lost\n", name,
                        reply->tasks_lost());
    return result<>{done{}};
  });
  if (auto ok = print(out, {data, text}); !ok)
    return ok;
  return worst;
}

ending run_forget_server(const global_flags& globals,
                         const std::vector<std::string>& names, console& out) {
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  json data{{"servers", json::array()}};
  std::string text;
  auto worst = for_each_name(names, [&](const std::string& name) {
    v1::ForgetServerRequest request;
    request.set_name(name);
    auto reply = cluster->call(&v1::Cluster::Stub::Forget, request);
    if (!reply)
      return result<>{reply.failure()};
    data["servers"].push_back({{"name", name},
                               {"told", json_of(*reply)["told"]},
                               {"not_told", json_of(*reply)["not_told"]}});
    text += fmt::format("{} is forgotten by {}\n", name,
                        fmt::join(reply->told(), ", "));
    if (!reply->not_told().empty())
      out.note(fmt::format("not told: {}; what is down hears of it when it is "
                           "back",
                           fmt::join(reply->not_told(), ", ")));
    return result<>{done{}};
  });
  if (auto ok = print(out, {data, text}); !ok)
    return ok;
  return worst;
}

CLI::App& add_verb(CLI::App& node, const std::shared_ptr<node_flags>& flags,
                   const std::string& verb, const std::string& what) {
  auto& one = *node.add_subcommand(verb, what);
  one.add_option("NAME", flags->names, "Of nodes")->type_name("")->required();
  one.footer(fmt::format("Example:\n  skerry node {} worker-7", verb));
  return one;
}

} // namespace

void add_node_command(CLI::App& parent, const global_flags& globals,
                      action& chosen) {
  auto& node = *parent.add_subcommand("node", "Look after nodes");
  node.require_subcommand(1);
  node.footer("Example:\n  skerry node drain worker-7 --wait");
  const auto flags = std::make_shared<node_flags>();
  const auto on_condition = [&](CLI::App& verb, v1::NodeCondition condition) {
    verb.final_callback([&globals, &chosen, flags, condition] {
      chosen = [&globals, flags, condition](console& out) {
        return run_condition(globals, *flags, condition, out);
      };
    });
  };
  auto& drain = add_verb(node, flags, "drain",
                         "Move its tasks elsewhere and take no new ones");
  drain.add_flag("--wait", flags->wait, "Until nothing runs there any more");
  on_condition(drain, v1::DRAINING);
  on_condition(add_verb(node, flags, "cordon",
                        "Take no new tasks; the running ones stay"),
               v1::CORDONED);
  on_condition(add_verb(node, flags, "uncordon",
                        "Take tasks again, after cordon or drain"),
               v1::READY);
  auto& forget
      = add_verb(node, flags, "forget",
                 "Your word that the machine is dead: its tasks are lost\n"
                 "now and start elsewhere");
  forget.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return run_forget_node(globals, *flags, out);
    };
  });
}

void add_forget_server_command(CLI::App& parent, const global_flags& globals,
                               action& chosen) {
  auto& forget = *parent.add_subcommand(
      "forget-server", "Your word that a server is gone for good");
  const auto names = std::make_shared<std::vector<std::string>>();
  forget.add_option("NAME", *names, "Of servers")->type_name("")->required();
  forget.footer("Nobody waits for it any more before tasks of nodes that were "
                "last seen there\nstart elsewhere. Refused while any server "
                "reaches it. Servers that are down hear\nof it when they are "
                "back. When it starts after all, it joins as a new one.\n"
                "Example:\n  skerry forget-server s3");
  forget.final_callback([&globals, &chosen, names] {
    chosen = [&globals, names](console& out) {
      return run_forget_server(globals, *names, out);
    };
  });
}

} // namespace skerry
