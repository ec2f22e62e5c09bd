// What the queue says, for people.
#include "cli/cluster_text.hpp"
#include "cli/report.hpp"
#include "config/units.hpp"

#include <fmt/format.h>

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

} // namespace

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
