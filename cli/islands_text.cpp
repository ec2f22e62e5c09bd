#include "cli/cluster_text.hpp"
#include "cli/proto_json.hpp"
#include "cli/report.hpp"
#include "config/units.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace skerry {
namespace {

std::string cost_text(bool known, double cost) {
  return known ? fmt::format("{:.4f}", cost) : "-";
}

std::string place_text(const std::string& server, std::uint32_t island) {
  return fmt::format("{}/{}", server, island);
}

} // namespace

std::string islands_table(const v1::IslandsReply& islands) {
  text_table table{{"ISLAND", "OPTIMISER", "GENERATION", "BEST", "START",
                    "MEAN", "DIVERSITY", "SENT", "ACCEPTED", "REFUSED", "CPU",
                    "TO"},
                   2};
  std::string notes;
  for (const auto& island : islands.islands()) {
    const auto name = place_text(island.server(), island.island());
    table.add({name, island.optimiser(), fmt::format("{}", island.generation()),
               cost_text(island.has_best(), island.best()),
               island.has_start_cost() ? fmt::format(
                   "{:.4f} {}", island.start_cost(), printable(island.start()))
                                       : "-",
               cost_text(island.has_mean(), island.mean()),
               fmt::format("{:.4f}", island.diversity()),
               fmt::format("{}", island.migrants_sent()),
               fmt::format("{}", island.migrants_accepted()),
               fmt::format("{}", island.migrants_refused()),
               fmt::format("{:.1f} s", island.cpu_seconds()),
               island.neighbours().empty()
                   ? "-"
                   : fmt::format("{}", fmt::join(island.neighbours(), ","))});
    if (!island.trouble().empty())
      notes += fmt::format("{}: {}\n", name, printable(island.trouble()));
  }
  auto text = table.text();
  return notes.empty() ? text : text + "\n" + notes;
}

std::string migrations_table(const v1::IslandsReply& islands) {
  text_table table{
      {"ISLAND", "GENERATION", "AGE", "FROM", "THEIRS", "COST", "OUTCOME"}, 1};
  for (const auto& island : islands.islands())
    for (const auto& one : island.migrations())
      table.add(
          {place_text(island.server(), island.island()),
           fmt::format("{}", one.generation()),
           age_text(unix_milliseconds_now() - one.unix_milliseconds()),
           place_text(one.from_server(), one.from_island()),
           fmt::format("{}", one.from_generation()),
           fmt::format("{:.4f}", one.cost()),
           enum_text(v1::Migration_Outcome_Name(one.outcome()))
               + (one.reason().empty() ? "" : ": " + printable(one.reason()))});
  return table.text();
}

} // namespace skerry
