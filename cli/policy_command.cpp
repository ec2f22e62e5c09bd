#include "cli/command.hpp"
#include "cli/proto_json.hpp"
#include "cli/report.hpp"
#include "messages/policy_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace skerry {
namespace {

result<v1::Policy> load(const std::string& name_or_file) {
  if (name_or_file == shipped_policy_name)
    return shipped_policy();
  auto read = read_policy_file(name_or_file);
  if (!read)
    return error{error_code::invalid_argument, read.failure().message};
  return read;
}

std::string provenance_text(const v1::Policy& policy) {
  const auto& from = policy.provenance();
  std::string out
      = fmt::format("{}, checksum {}\n", policy.name(), policy.checksum());
  if (!policy.has_provenance())
    return out;
  out += fmt::format("made by      {}\nobjective    {}\n", from.made_by(),
                     from.objective());
  out += fmt::format("trained on   {}\n", fmt::join(from.trained_on(), ", "));
  if (from.parents_size() > 0)
    out += fmt::format("began at     {}\n", fmt::join(from.parents(), ", "));
  out += fmt::format("search       {} evaluations on {} islands, seed {}\n",
                     from.evaluations(), from.islands(), from.seed());
  out += fmt::format("cost         {:.4f} ({}: {:.4f}); lower is better\n",
                     from.cost(), from.heuristic(), from.heuristic_cost());
  return out + fmt::format("command      {}\n", from.command());
}

std::string weights_text(const v1::Policy& policy) {
  const auto weights = *weights_from(policy);
  std::vector<std::string> header{"FEATURE", "MEANING"};
  for (const auto name : task_class_names)
    header.emplace_back(name);
  text_table table{std::move(header), 2};
  for (std::size_t f = 0; f < placement_features; ++f) {
    const auto& [name, meaning] = placement_feature_table()[f];
    std::vector<std::string> row{std::string{name}, std::string{meaning}};
    for (const auto& of_class : weights.of)
      row.push_back(of_class[f] == 0 ? "-"
                                     : fmt::format("{:+.3f}", of_class[f]));
    table.add(std::move(row));
  }
  return table.text();
}

result<> show(const std::string& name_or_file, console& out) {
  const auto policy = load(name_or_file);
  if (!policy)
    return policy.failure();
  if (out.format == output_format::json)
    return out.print(json_of(*policy).dump(2) + "\n");
  return out.print(fmt::format(
      "{}\nThe node with the highest sum of feature x weight is taken; the "
      "weights are by class of task.\n\n{}",
      provenance_text(*policy), weights_text(*policy)));
}

} // namespace

void add_policy_command(CLI::App& parent, action& chosen) {
  auto& policy = *parent.add_subcommand("policy", "Look at evolved policies");
  policy.require_subcommand(1);
  auto& subcommand = *policy.add_subcommand(
      "show", "What a policy weighs, and where it comes from");
  const auto name = std::make_shared<std::string>();
  subcommand.add_option("POLICY", *name, "skerry (the shipped one), or a file")
      ->type_name("")
      ->required();
  subcommand.footer("Also: -o table|json.\n"
                    "Example:\n"
                    "  skerry policy show skerry");
  subcommand.final_callback([name, &chosen] {
    chosen = [name](console& out) { return show(*name, out); };
  });
}

} // namespace skerry
