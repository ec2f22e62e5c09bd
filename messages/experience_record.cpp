#include "messages/experience_record.hpp"

#include "learning/packed_rows.hpp"

#include <fmt/format.h>

namespace skerry {
namespace {

constexpr std::uint32_t rows_version = 1;

error damaged(std::string_view field) {
  return {error_code::malformed,
          fmt::format("experience: its {} cannot be read", field)};
}

bool read_states(const std::string& from, experience& into) {
  row_unpacker rows{from};
  return rows.next(into.state) && (into.terminal || rows.next(into.next_state))
         && rows.at_end();
}

bool read_candidates(const std::string& from, experience& into) {
  row_unpacker rows{from};
  while (!rows.at_end() && into.candidates.size() < max_candidates)
    if (!rows.next(into.candidates.emplace_back()))
      return false;
  return rows.at_end();
}

bool read_terms(const std::string& from, experience& into) {
  row_unpacker rows{from};
  return rows.next(into.terms) && rows.at_end();
}

} // namespace

v1::Experience to_proto(const experience& from) {
  v1::Experience out;
  out.set_schema(experience_schema());
  row_packer states;
  states.add(from.state, *out.mutable_states());
  if (!from.terminal)
    states.add(from.next_state, *out.mutable_states());
  row_packer candidates;
  for (const auto& each : from.candidates)
    candidates.add(each, *out.mutable_candidates());
  row_packer{}.add(from.terms, *out.mutable_terms());
  out.set_chosen(from.chosen);
  out.set_propensity(from.propensity);
  out.set_task_class(static_cast<std::uint32_t>(from.of));
  out.set_reward(from.reward);
  out.set_steps(from.steps);
  out.set_discount(from.discount);
  out.set_terminal(from.terminal);
  out.set_policy_version(from.policy_version);
  out.set_decided_at_milliseconds(from.decided_at_ms);
  if (from.outcome) {
    auto& outcome = *out.mutable_outcome();
    outcome.set_wait_seconds(from.outcome->wait_seconds);
    outcome.set_run_seconds(from.outcome->run_seconds);
    outcome.set_finished(from.outcome->finished);
  }
  return out;
}

result<experience> experience_from(const v1::Experience& from) {
  if (from.schema() != experience_schema())
    return {error_code::conflict,
            fmt::format("experience: of the schema {:016x}, and this version "
                        "knows {:016x}",
                        from.schema(), experience_schema())};
  if (from.rows_version() > rows_version)
    return {error_code::malformed, "experience: its rows are of a later "
                                   "version"};
  if (from.task_class() >= task_classes)
    return damaged("class of the task");
  experience out;
  out.chosen = from.chosen();
  out.propensity = from.propensity();
  out.of = static_cast<task_class>(from.task_class());
  out.reward = from.reward();
  out.steps = from.steps();
  out.discount = from.discount();
  out.terminal = from.terminal();
  out.policy_version = from.policy_version();
  out.decided_at_ms = from.decided_at_milliseconds();
  if (from.has_outcome())
    out.outcome = task_ending{.wait_seconds = from.outcome().wait_seconds(),
                              .run_seconds = from.outcome().run_seconds(),
                              .finished = from.outcome().finished()};
  if (!read_states(from.states(), out))
    return damaged("states");
  if (!read_candidates(from.candidates(), out))
    return damaged("candidates");
  if (!read_terms(from.terms(), out))
    return damaged("terms");
  if (auto checked = validate(out); !checked)
    return checked.failure();
  return out;
}

result<experience> experience_from(std::string_view serialised) {
  v1::Experience read;
  if (!read.ParseFromArray(serialised.data(),
                           static_cast<int>(serialised.size())))
    return {error_code::malformed, "experience: damaged, or no experience"};
  return experience_from(read);
}

} // namespace skerry
