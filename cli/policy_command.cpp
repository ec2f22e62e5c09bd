#include "cli/command.hpp"
#include "cli/output_file.hpp"
#include "cli/policy_league.hpp"
#include "cli/proto_json.hpp"
#include "cli/report.hpp"
#include "messages/policy_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
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

std::string provenance_text(const v1::Provenance& from) {
  auto out = fmt::format("made by      {}\nobjective    {}\n", from.made_by(),
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

std::string weight_text(double weight) {
  return weight == 0 ? "-" : fmt::format("{:+.3f}", weight);
}

std::string placement_text(const v1::Policy& policy) {
  const auto weights = weights_from(policy);
  if (!weights)
    return {};
  std::vector<std::string> header{"FEATURE", "MEANING"};
  for (const auto name : task_class_names)
    header.emplace_back(name);
  text_table table{std::move(header), 2};
  for (std::size_t f = 0; f < placement_features; ++f) {
    const auto& [name, meaning] = placement_feature_table()[f];
    std::vector<std::string> row{std::string{name}, std::string{meaning}};
    for (const auto& of_class : weights->of)
      row.push_back(weight_text(of_class[f]));
    table.add(std::move(row));
  }
  return fmt::format(
      "\nPlacing tasks\n{}The node with the highest sum of feature x weight is "
      "taken; the weights are by class of task.\n\n{}",
      provenance_text(policy.provenance()), table.text());
}

std::string queue_text(const v1::Policy& policy) {
  const auto weights = queue_weights_from(policy);
  if (!weights)
    return {};
  text_table table{{"FEATURE", "MEANING", "weight"}, 2};
  for (std::size_t f = 0; f < queue_feature_count; ++f) {
    const auto& [name, meaning] = queue_feature_table()[f];
    table.add(
        {std::string{name}, std::string{meaning}, weight_text((*weights)[f])});
  }
  return fmt::format("\nOrdering queues\n{}The waiting job with the lowest sum "
                     "of feature x weight is next.\n\n{}",
                     provenance_text(policy.queue_provenance()), table.text());
}

/// Names of a league have a version or no dot; files have a dot or a slash.
bool is_of_cluster(const std::string& name) {
  return name != shipped_policy_name && name.find('/') == std::string::npos
         && (name.find('@') != std::string::npos
             || name.find('.') == std::string::npos);
}

result<> show(const global_flags& globals, const std::string& name_or_file,
              console& out) {
  const auto policy = is_of_cluster(name_or_file)
                          ? policy_of_cluster(globals, name_or_file, out)
                          : load(name_or_file);
  if (!policy)
    return policy.failure();
  if (out.format == output_format::json)
    return out.print(json_of(*policy).dump(2) + "\n");
  return out.print(fmt::format("{}, checksum {}\n{}{}", policy->name(),
                               policy->checksum(), placement_text(*policy),
                               queue_text(*policy)));
}

struct join_flags {
  std::string placement;
  std::string queue;
  std::string out;
};

/// One policy that places as the first and orders queues as the second.
result<> join(const join_flags& flags, console& out) {
  auto joined = load(flags.placement);
  if (!joined)
    return joined.failure();
  const auto queue = load(flags.queue);
  if (!queue)
    return queue.failure();
  if (const auto weights = weights_from(*joined); !weights)
    return {error_code::invalid_argument,
            "--placement: " + weights.failure().message};
  if (const auto weights = queue_weights_from(*queue); !weights)
    return {error_code::invalid_argument,
            "--queue: " + weights.failure().message};
  joined->set_name(std::filesystem::path{flags.out}.stem().string());
  joined->set_queue_schema(queue->queue_schema());
  *joined->mutable_queue() = queue->queue();
  *joined->mutable_queue_provenance() = queue->queue_provenance();
  seal(*joined);
  auto file = output_file::create(flags.out, {});
  if (!file)
    return file.failure();
  if (auto ok = file->commit(policy_text(*joined)); !ok)
    return ok;
  out.note(fmt::format("{} places as {} and orders queues as {}", flags.out,
                       flags.placement, flags.queue));
  return done{};
}

void add_show(CLI::App& policy, const global_flags& globals, action& chosen) {
  auto& subcommand = *policy.add_subcommand(
      "show", "What a policy weighs, and where it comes from");
  const auto name = std::make_shared<std::string>();
  subcommand
      .add_option(
          "POLICY", *name,
          "skerry (the shipped one), a file, or a\nname of `policy list`")
      ->type_name("")
      ->required();
  subcommand.footer("Also: -o table|json.\n"
                    "Example:\n"
                    "  skerry policy show skerry");
  subcommand.final_callback([name, &globals, &chosen] {
    chosen
        = [name, &globals](console& out) { return show(globals, *name, out); };
  });
}

void add_join(CLI::App& policy, action& chosen) {
  auto& subcommand = *policy.add_subcommand(
      "join", "One policy from two: placing by one, queues by the other");
  const auto flags = std::make_shared<join_flags>();
  const auto option = [&](const char* name, std::string& into,
                          const char* what) {
    subcommand.add_option(name, into, what)->type_name("POLICY")->required();
  };
  option("--placement", flags->placement, "skerry, or a file");
  option("--queue", flags->queue, "skerry, or a file");
  option("--out", flags->out, "The file to write");
  subcommand.footer(
      "Example:\n"
      "  skerry policy join --placement skerry --queue batch.policy \\\n"
      "    --out mine.policy");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return join(*flags, out); };
  });
}

} // namespace

void add_policy_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& policy = *parent.add_subcommand(
      "policy", "Evolved policies, and which of them may rule");
  policy.require_subcommand(1);
  add_show(policy, globals, chosen);
  add_join(policy, chosen);
  add_policy_pull(policy, globals, chosen);
  add_policy_league(policy, globals, chosen);
}

} // namespace skerry
