// What the queue says, for people.
#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "cli/report.hpp"
#include "config/units.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace skerry {
namespace {

/// "held of quota", or what is held alone where there is no quota.
template <class Text>
std::string of_quota(std::int64_t held, std::int64_t quota, const Text& text) {
  return quota == 0 ? text(held)
                    : fmt::format("{} of {}", text(held), text(quota));
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

void add_line(std::string& text, std::string_view name,
              const std::string& value) {
  if (!value.empty())
    text += fmt::format("  {:<10}{}\n", name, printable(value));
}

std::string priority_text(const v1::GroupExplanation& group) {
  if (group.effective_priority() == group.priority())
    return fmt::format("{}", group.priority());
  return fmt::format("{}, and counts as {} for it has waited", group.priority(),
                     group.effective_priority());
}

std::string tenant_text(const v1::GroupExplanation& group) {
  const auto& tenant = group.tenant();
  return fmt::format("{}: holds {} of the cluster, is entitled to {}{}",
                     tenant.name(), percent(tenant.held_share()),
                     percent(tenant.fair_share()),
                     group.over_quota() ? "; its quota is used up" : "");
}

std::string ahead_text(const v1::GroupExplanation& group) {
  if (group.tasks_ahead() == 0)
    return "nobody";
  std::vector<std::string> who;
  for (const auto& one : group.ahead())
    who.push_back(fmt::format("{} of job {} (tenant {}, priority {})",
                              one.tasks(), one.job(), one.tenant(),
                              one.effective_priority()));
  return fmt::format("{} {}: {}", group.tasks_ahead(),
                     group.tasks_ahead() == 1 ? "task" : "tasks",
                     fmt::join(who, ", "));
}

std::string cells_text(const v1::GroupExplanation& group) {
  text_table table{{"CELL", "FITS", "SMALLEST CHANGE", "WHY"}, 4};
  for (const auto& cell : group.cells())
    table.add({cell.cell(),
               cell.placed()       ? fmt::format("on {}", cell.node())
               : cell.infeasible() ? "never"
                                   : "not now",
               cell.smallest_change().text().empty()
                   ? "-"
                   : cell.smallest_change().text(),
               cell.text()});
  return table.text();
}

} // namespace

std::string explanation_text(const v1::JobExplanation& why) {
  auto text = fmt::format("{} ({}): {}\n", printable(why.id()),
                          enum_text(v1::TaskState_Name(why.state())),
                          printable(why.text()));
  for (const auto& group : why.groups()) {
    text += fmt::format("\ngroup {}: {} {} at server {}\n",
                        printable(group.name()), group.queued(),
                        group.queued() == 1 ? "task waits" : "tasks wait",
                        printable(why.server()));
    add_line(text, "because", group.text());
    add_line(text, "after", fmt::format("{}", fmt::join(group.after(), ", ")));
    if (const auto at = group.not_before_unix_milliseconds(); at != 0)
      add_line(
          text, "not before",
          fmt::format("{} from now", age_text(at - unix_milliseconds_now())));
    add_line(text, "priority", priority_text(group));
    add_line(text, "tenant", tenant_text(group));
    if (group.after().empty() && group.not_before_unix_milliseconds() == 0)
      add_line(text, "ahead", ahead_text(group));
    if (!group.cells().empty())
      text += cells_text(group);
  }
  if (!why.unreachable_cells().empty())
    text += fmt::format(
        "\n{} did not answer\n",
        printable(fmt::format("{}", fmt::join(why.unreachable_cells(), ", "))));
  return text;
}

std::string tenants_table(const v1::TenantsReply& tenants) {
  text_table table{{"SERVER", "TENANT", "WEIGHT", "ENTITLED", "HOLDS",
                    "OF LATE", "CPU", "MEMORY", "GPUS", "QUEUED", "LIVE"},
                   2};
  for (const auto& one : tenants.tenants())
    table.add(
        {one.server(), one.name(), fmt::format("{:g}", one.weight()),
         one.fair_share() > 0 ? percent(one.fair_share()) : "-",
         percent(one.held_share()), percent(one.recent_share()),
         of_quota(one.held().cpu_millicores(), one.quota().cpu_millicores(),
                  milli_text),
         of_quota(one.held().memory_bytes(), one.quota().memory_bytes(),
                  bytes_text),
         of_quota(one.held().gpu_milli(), one.quota().gpu_milli(), milli_text),
         fmt::format("{}", one.queued()), fmt::format("{}", one.live())});
  return table.text();
}

} // namespace skerry
