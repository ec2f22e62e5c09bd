#include "cli/arguments.hpp"
#include "cli/cluster_text.hpp"
#include "cli/command.hpp"
#include "cli/report.hpp"
#include "messages/experience_record.hpp"
#include "storage/experience_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace skerry {
namespace {

/// Sums over experience, as it is read.
struct experience_summary {
  std::uint64_t records = 0;
  std::uint64_t other_schema = 0;
  std::uint64_t unsound = 0; ///< Intact, but out of range.
  std::uint64_t bytes = 0;
  std::uint64_t candidates = 0;
  std::uint64_t terminal = 0;
  std::uint64_t with_outcome = 0;
  std::int64_t first_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_ms = std::numeric_limits<std::int64_t>::min();
  std::array<std::uint64_t, task_classes> classes{};
  std::map<std::uint64_t, std::uint64_t> policies; ///< By version.
  struct figure {
    double sum = 0;
    float least = std::numeric_limits<float>::max();
    float most = std::numeric_limits<float>::lowest();

    void add(float value) {
      sum += static_cast<double>(value);
      least = std::min(least, value);
      most = std::max(most, value);
    }
  };
  std::array<figure, reward_terms> terms{};
  figure reward;

  void add(std::string_view record);
};

void experience_summary::add(std::string_view record) {
  const auto read = experience_from(record);
  if (!read) {
    ++(read.failure().code == error_code::conflict ? other_schema : unsound);
    return;
  }
  ++records;
  bytes += record.size();
  candidates += read->candidates.size();
  terminal += read->terminal ? 1 : 0;
  with_outcome += read->outcome ? 1 : 0;
  first_ms = std::min(first_ms, read->decided_at_ms);
  last_ms = std::max(last_ms, read->decided_at_ms);
  ++classes[index_of(read->of)];
  ++policies[read->policy_version];
  for (std::size_t term = 0; term < reward_terms; ++term)
    terms[term].add(read->terms[term]);
  reward.add(read->reward);
}

json json_of(const experience_summary::figure& figure, std::uint64_t of) {
  if (of == 0)
    return json();
  return {{"mean", figure.sum / static_cast<double>(of)},
          {"least", figure.least},
          {"most", figure.most}};
}

json json_of(const experience_summary& of,
             const experience_store::figures& store) {
  json out{
      {"records", of.records},
      {"damaged", store.damaged},
      {"other_schema", of.other_schema},
      {"unsound", of.unsound},
      {"schema", fmt::format("{:016x}", experience_schema())},
      {"mean_bytes", of.records == 0 ? json() : json(of.bytes / of.records)},
      {"candidates", of.candidates},
      {"terminal", of.terminal},
      {"with_outcome", of.with_outcome}};
  for (std::size_t each = 0; each < task_classes; ++each)
    out["classes"][std::string{task_class_names[each]}] = of.classes[each];
  out["policies"] = json::object();
  for (const auto& [version, count] : of.policies)
    out["policies"][fmt::format("{:016x}", version)] = count;
  for (std::size_t term = 0; term < reward_terms; ++term)
    out["terms"][std::string{reward_term_table()[term].name}]
        = json_of(of.terms[term], of.records);
  out["reward"] = json_of(of.reward, of.records);
  return out;
}

std::string text_of(const experience_summary& of,
                    const experience_store::figures& store) {
  if (of.records == 0)
    return fmt::format("no experience of this version; {} of another, {} "
                       "damaged\n",
                       of.other_schema, store.damaged + of.unsound);
  auto out = fmt::format(
      "{} experiences of {} bytes and {:.1f} candidates in the mean; {} with "
      "the task's end, {} terminal\n"
      "skipped: {} of another version, {} damaged\n",
      of.records, of.bytes / of.records,
      static_cast<double>(of.candidates) / static_cast<double>(of.records),
      of.with_outcome, of.terminal, of.other_schema,
      store.damaged + of.unsound);
  for (std::size_t each = 0; each < task_classes; ++each)
    out += fmt::format("{}{}: {}", each == 0 ? "" : ", ",
                       task_class_names[each], of.classes[each]);
  out += "\n\n";
  text_table terms{{"REWARD", "MEAN", "LEAST", "MOST", "DEFAULT WEIGHT"}};
  const auto add = [&](std::string name, const auto& figure,
                       std::string weight) {
    terms.add(
        {std::move(name),
         fmt::format("{:.4f}", figure.sum / static_cast<double>(of.records)),
         fmt::format("{:.4f}", figure.least),
         fmt::format("{:.4f}", figure.most), std::move(weight)});
  };
  for (std::size_t term = 0; term < reward_terms; ++term)
    add(std::string{reward_term_table()[term].name}, of.terms[term],
        fmt::format("{}", reward_term_table()[term].weight));
  add("all, over the steps", of.reward, "");
  text_table policies{{"POLICY VERSION", "DECISIONS"}};
  for (const auto& [version, count] : of.policies)
    policies.add({fmt::format("{:016x}", version), fmt::format("{}", count)});
  return out + terms.text() + "\n" + policies.text();
}

result<> show(const std::string& directory, console& out) {
  const auto store
      = experience_store::open({.directory = directory, .read_only = true});
  if (!store)
    return as_usage_fault(store.failure());
  experience_summary summary;
  if (auto read = (*store)->for_last(
          std::numeric_limits<std::uint64_t>::max(), unix_milliseconds_now(),
          [&summary](std::string_view record) { summary.add(record); });
      !read)
    return read;
  const auto figures = (*store)->measured();
  if (out.format == output_format::json)
    return out.print(json_of(summary, figures).dump(2) + "\n");
  return out.print(text_of(summary, figures));
}

} // namespace

void add_replay_command(CLI::App& parent, action& chosen) {
  auto& replay = *parent.add_subcommand(
      "replay", "Look at experience: decisions and what came of them");
  replay.require_subcommand(1);
  auto& subcommand = *replay.add_subcommand(
      "show", "Count experience and the terms of its rewards");
  const auto directory = std::make_shared<std::string>();
  subcommand
      .add_option("DIR", *directory,
                  "Written by a server (its experience/) or by simulate\n"
                  "--experience; may be in use")
      ->type_name("")
      ->required()
      ->check(refuse_empty);
  subcommand.footer("Also: -o table|json, --quiet.");
  subcommand.final_callback([directory, &chosen] {
    chosen = [directory](console& out) { return show(*directory, out); };
  });
}

} // namespace skerry
