#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "cli/report.hpp"
#include "config/units.hpp"

#include <fmt/format.h>

namespace skerry {

std::string resizes_table(const v1::ListResizesReply& sizes) {
  text_table table{{"TASK", "MODE", "CPU", "USED", "THROTTLED", "WANTED",
                    "MEMORY", "USED", "WANTED", "RESIZES", "REASON"},
                   11};
  for (const auto& one : sizes.tasks()) {
    const auto seen = one.has_usage();
    const auto& wanted = one.recommended();
    table.add({one.task(), enum_text(v1::ResizeMode_Name(one.mode())).substr(7),
               cpu_text(one.has().cpu_millicores()),
               seen ? cpu_text(one.usage().cpu_millicores()) : "-",
               seen ? fmt::format("{:.0f} %",
                                  one.usage().throttled_periods_milli() / 10.0)
                    : "-",
               one.has_recommended() ? cpu_text(wanted.cpu_millicores()) : "-",
               bytes_text(one.has().memory_bytes()),
               seen ? bytes_text(one.usage().memory_bytes()) : "-",
               one.has_recommended() ? bytes_text(wanted.memory_bytes()) : "-",
               fmt::format("{}", one.resizes()),
               one.waits_for().empty()
                   ? one.reason()
                   : fmt::format("{}; {}", one.reason(), one.waits_for())});
  }
  return table.text();
}

} // namespace skerry
