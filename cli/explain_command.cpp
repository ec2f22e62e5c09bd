#include "cli/client_command.hpp"
#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "messages/skerry/v1/jobs.grpc.pb.h"

#include <fmt/format.h>

#include <memory>
#include <string>

namespace skerry {
namespace {

struct explain_flags {
  std::string job;
  bool watch = false;
};

result<view> explain(client& cluster, const std::string& job) {
  v1::GetJobRequest request;
  request.set_id(job);
  const auto reply = cluster.call(&v1::Jobs::Stub::Explain, request);
  if (!reply)
    return reply.failure();
  return view{json_of(*reply), explanation_text(*reply)};
}

} // namespace

void add_explain_command(CLI::App& parent, const global_flags& globals,
                         action& chosen) {
  auto& command = *parent.add_subcommand(
      "explain", "Say why a job waits and what would let it start");
  const auto flags = std::make_shared<explain_flags>();
  command.add_option("JOB", flags->job, "Its id")
      ->type_name("")
      ->required()
      ->check(refuse_empty);
  command.add_flag("-w,--watch", flags->watch, "Again whenever it changes");
  command.footer(
      "For each group with tasks that wait: what it waits for first of all, "
      "who is\nahead, its tenant's share, and what each cell says to the first "
      "of the tasks,\nwith the smallest change that would let it start now.\n"
      "Example:\n  skerry explain train-1f6c0a8e92b3");
  command.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) -> ending {
      auto cluster = client_of(globals);
      if (!cluster)
        return cluster.failure();
      return show(out, flags->watch,
                  [&] { return explain(*cluster, flags->job); });
    };
  });
}

} // namespace skerry
