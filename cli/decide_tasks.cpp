#include "cli/decide_tasks.hpp"

#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "messages/skerry/v1/decisions.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>

namespace skerry {

void add_tasks(const v1::Job& job, const std::string& id, task_list& into) {
  for (const auto& group : job.groups())
    for (std::uint32_t i = 0; i < std::max<std::uint32_t>(1, group.count());
         ++i) {
      into.names.push_back(
          fmt::format("{}{}{}.{}", id, id.empty() ? "" : ".",
                      group.name().empty() ? "task" : group.name(), i));
      into.profiles.push_back(group.profile());
    }
}

ending decide_and_print(client& cluster, const task_list& tasks,
                        const decide_how& how, console& out) {
  v1::DecideRequest request;
  request.set_request_id(how.request_id);
  request.set_reserve_milliseconds(how.reserve_milliseconds);
  request.set_explain(how.explain);
  request.mutable_tasks()->Assign(tasks.profiles.begin(), tasks.profiles.end());
  auto reply
      = cluster.call(&v1::Decisions::Stub::Decide, request,
                     how.reserve_milliseconds > 0 ? lost_answer::ask_again
                                                  : lost_answer::ask_another);
  if (!reply)
    return reply.failure();
  auto data = json_of(*reply);
  data.erase("error_message"); // On streams only.
  data.erase("error_code");
  for (std::size_t i = 0; i < data["decisions"].size(); ++i)
    if (i < tasks.names.size())
      data["decisions"][i]["task"] = tasks.names[i];
  if (auto ok = print(out, {data, decisions_table(tasks.names, *reply)}); !ok)
    return ok;
  const auto missing = std::ranges::count_if(
      reply->decisions(), [](const auto& each) { return !each.placed(); });
  if (missing == 0)
    return {};
  return {exit_code::not_placed,
          fmt::format("{} of {} {} no place", missing, reply->decisions_size(),
                      missing == 1 ? "has" : "have")};
}

} // namespace skerry
