#include "cli/client_command.hpp"
#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"
#include "messages/skerry/v1/jobs.grpc.pb.h"
#include "messages/skerry/v1/nodes.grpc.pb.h"

#include <fmt/format.h>

#include <memory>
#include <string>

namespace skerry {
namespace {

struct describe_flags {
  std::string name;
  bool watch = false;
};

result<view> view_job(client& cluster, const std::string& name) {
  auto job = job_status(cluster, name);
  if (!job)
    return job.failure();
  return view{json_of(*job), job_text(*job)};
}

result<view> view_task(client& cluster, const std::string& name) {
  auto found = find_task(cluster, name);
  if (!found)
    return found.failure();
  v1::TaskSize size;
  if (found->task.state() == v1::RUNNING) {
    v1::ListResizesRequest request;
    request.set_task(found->task.id());
    // Without an answer the rest is still to be told.
    const auto reply = cluster.call(&v1::Jobs::Stub::Resizes, request);
    if (reply && !reply->tasks().empty()) {
      size = reply->tasks(0);
      if (size.has_usage())
        *found->task.mutable_usage() = size.usage();
    }
  }
  auto data = json_of(found->task);
  if (!size.task().empty())
    data["size"] = json_of(size);
  return view{data, task_text(found->job, found->task, size)};
}

result<view> view_node(client& cluster, const std::string& name) {
  v1::GetNodeRequest request;
  request.set_name(name);
  auto node = cluster.call(&v1::Nodes::Stub::Get, request);
  if (!node)
    return node.failure();
  return view{json_of(*node), node_text(*node)};
}

result<view> view_server(client& cluster, const std::string& name) {
  auto reply = cluster.call(&v1::Cluster::Stub::Servers, {});
  if (!reply)
    return reply.failure();
  for (const auto& server : reply->servers())
    if (server.name() == name)
      return view{json_of(server), server_text(server)};
  return error{error_code::not_found,
               fmt::format("there is no server {}", name)};
}

using viewer = result<view> (*)(client&, const std::string&);

void add_kind(CLI::App& describe, const global_flags& globals, action& chosen,
              const std::shared_ptr<describe_flags>& flags,
              const std::string& kind, const std::string& what, viewer look) {
  auto& one = *describe.add_subcommand(kind, what);
  one.add_option("NAME", flags->name, "Its id or name")
      ->type_name("")
      ->required()
      ->check(refuse_empty);
  one.add_flag("-w,--watch", flags->watch, "Again whenever it changes");
  one.footer(fmt::format("Example:\n  skerry describe {} NAME", kind));
  one.final_callback([&globals, &chosen, flags, look] {
    chosen = [&globals, flags, look](console& out) -> ending {
      auto cluster = client_of(globals);
      if (!cluster)
        return cluster.failure();
      return show(out, flags->watch,
                  [&] { return look(*cluster, flags->name); });
    };
  });
}

} // namespace

void add_describe_command(CLI::App& parent, const global_flags& globals,
                          action& chosen) {
  auto& describe
      = *parent.add_subcommand("describe", "Tell all about one thing");
  describe.require_subcommand(1);
  describe.footer("Example:\n  skerry describe job train-1f6c0a8e92b3");
  const auto flags = std::make_shared<describe_flags>();
  add_kind(describe, globals, chosen, flags, "job", "A job and its tasks",
           view_job);
  add_kind(describe, globals, chosen, flags, "task",
           "A task (JOB.GROUP.INDEX, or a job of one task)", view_task);
  add_kind(describe, globals, chosen, flags, "node", "A node and its tasks",
           view_node);
  add_kind(describe, globals, chosen, flags, "server", "A server", view_server);
}

} // namespace skerry
