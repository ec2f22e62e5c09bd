#include "cli/cluster_text.hpp"
#include "cli/report.hpp"
#include "simulation/text_reader.hpp"

#include <fmt/format.h>

#include <string_view>

namespace skerry {
namespace {

std::string_view state_text(v1::LearnerStatus::State state) {
  switch (state) {
  case v1::LearnerStatus::STANDBY:
    return "standby";
  case v1::LearnerStatus::WAITING:
    return "waiting";
  case v1::LearnerStatus::TRAINING:
    return "training";
  case v1::LearnerStatus::FAILED:
    return "failed";
  default:
    return "-";
  }
}

} // namespace

std::string learner_table(const v1::LearnerReply& learners) {
  text_table table{{"SERVER", "STATE", "STEPS", "HERE", "PUBLISHED",
                    "VALUE LOSS", "POLICY LOSS", "ENTROPY", "ROLLBACKS", "CPU",
                    "DEVICE"},
                   2};
  std::string notes;
  for (const auto& one : learners.learners()) {
    const auto trains = !one.device().empty();
    const auto figure = [trains](double value) {
      return trains ? fmt::format("{:.4f}", value) : std::string{"-"};
    };
    table.add({one.server(), std::string{state_text(one.state())},
               fmt::format("{}", one.steps()),
               fmt::format("{}", one.steps_here()),
               fmt::format("{}", one.policies_published()),
               figure(one.value_loss()), figure(one.policy_loss()),
               figure(one.entropy()), fmt::format("{}", one.rollbacks()),
               fmt::format("{:.1f} s", one.cpu_seconds()),
               trains ? one.device() : "-"});
    for (const auto& text : {one.trouble(), one.last_rollback()})
      if (!text.empty())
        notes += fmt::format("{}: {}\n", one.server(), printable(text));
  }
  auto text = table.text();
  return notes.empty() ? text : text + "\n" + notes;
}

} // namespace skerry
