#include "cli/training.hpp"

#include "cli/arguments.hpp"
#include "cli/ending.hpp"
#include "messages/policy_file.hpp"
#include "simulation/placement_genome.hpp"
#include "simulation/placement_objective.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

namespace skerry {
namespace {

error usage(std::string text) {
  return {error_code::invalid_argument, std::move(text)};
}

using goal_shares = std::array<double, placement_goals>;

/// "openb:2,departures" into shares; those that are not named have none.
result<goal_shares> read_shares(const std::string& text) {
  const auto items = parse_list("--objective", text);
  if (!items)
    return items.failure();
  goal_shares out{};
  for (const auto& item : *items) {
    const auto colon = std::min(item.find(':'), item.size());
    const auto goal = parse_choice("--objective", item.substr(0, colon),
                                   placement_goal_names);
    if (!goal)
      return goal.failure();
    out[*goal] = 1;
    if (colon == item.size())
      continue;
    const auto share
        = parse_decimal("--objective", item.substr(colon + 1), 0.001, 1000);
    if (!share)
      return share.failure();
    out[*goal] = *share;
  }
  return out;
}

/// "openb,mixture" into the shares of the islands, round and round; a mixture
/// has those of the objective.
result<std::vector<goal_shares>> read_island_shares(const std::string& text,
                                                    const goal_shares& all) {
  std::vector<goal_shares> out;
  if (text.empty())
    return out;
  constexpr std::string_view flag = "--island-objectives";
  const auto items = parse_list(flag, text);
  if (!items)
    return items.failure();
  auto names = std::to_array<std::string_view>({"", "", "", "mixture"});
  static_assert(names.size() == placement_goals + 1);
  std::ranges::copy(placement_goal_names, names.begin());
  for (const auto& item : *items) {
    const auto goal = parse_choice(flag, item, names);
    if (!goal)
      return goal.failure();
    if (*goal == placement_goals) {
      out.push_back(all);
      continue;
    }
    if (all[*goal] == 0)
      return usage(fmt::format("{}: {} is no part of --objective", flag, item));
    out.emplace_back()[*goal] = 1;
  }
  return out;
}

result<std::vector<double>> read_loads(const std::string& text) {
  constexpr double least = 0.01;
  constexpr double most = 10;
  const auto items = parse_list("--load", text);
  if (!items)
    return items.failure();
  std::vector<double> out;
  for (const auto& item : *items) {
    const auto load = parse_decimal("--load", item, least, most);
    if (!load)
      return load.failure();
    out.push_back(*load);
  }
  return out;
}

/// One --train: "nodes=FILE,pods=FILE". Nodes may be left out when those of an
/// earlier one are meant.
result<> read_workload(const std::string& text, training_target& target,
                       placement_training& into) {
  constexpr std::array<std::string_view, 2> known{"nodes=FILE", "pods=FILE"};
  const auto items = parse_train(text, known);
  if (!items)
    return items.failure();
  std::optional<std::string> pods;
  for (const auto& [key, value] : *items) {
    if (key == "pods") {
      pods = value;
      continue;
    }
    auto nodes = read_openb_nodes(value);
    if (!nodes)
      return as_usage_fault(nodes.failure());
    if (!into.nodes.empty() && into.nodes != *nodes)
      return usage("--train: all workloads run on the same nodes; give nodes= "
                   "once");
    into.nodes = *std::move(nodes);
  }
  if (!pods)
    return done{};
  auto list = read_openb_pods(*pods, into.nodes);
  if (!list)
    return as_usage_fault(list.failure());
  into.lists.push_back(*std::move(list));
  target.trained_on.push_back(workload_name(*pods));
  return done{};
}

result<std::vector<genome>> read_starts(const std::string& text) {
  std::vector<genome> out;
  if (text.empty())
    return out;
  const auto policies = parse_policies("--start", text);
  if (!policies)
    return policies.failure();
  for (const auto& policy : *policies) {
    if (!policy.weights)
      return usage(
          fmt::format("--start: {} has no weights to start at; fgd and "
                      "first-fit are starts anyway",
                      policy.name));
    auto genes = genome_of(*policy.weights);
    if (auto ok = check_genome(placement_space(), genes); !ok)
      return usage(
          fmt::format("--start: {}: {}", policy.name, ok.failure().message));
    out.push_back(std::move(genes));
  }
  return out;
}

} // namespace

result<std::vector<std::pair<std::string, std::string>>>
parse_train(const std::string& text, std::span<const std::string_view> known) {
  const auto items = parse_list("--train", text);
  if (!items)
    return items.failure();
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& item : *items) {
    const auto equals = std::min(item.find('='), item.size());
    auto key = item.substr(0, equals);
    auto value = item.substr(std::min(equals + 1, item.size()));
    const auto meant = std::ranges::any_of(known, [&key](const auto form) {
      return form.substr(0, form.find('=')) == key;
    });
    if (value.empty() || !meant)
      return usage(fmt::format("--train: \"{}\" is none of {}", item,
                               fmt::join(known, ", ")));
    out.emplace_back(std::move(key), std::move(value));
  }
  return out;
}

started_at::started_at(std::unique_ptr<problem> of, std::vector<genome> first)
    : of_{std::move(of)}, space_{of_->space()} {
  auto& starts = space_.starting_points;
  starts.insert(starts.begin(), std::make_move_iterator(first.begin()),
                std::make_move_iterator(first.end()));
}

double started_at::cost(std::span<const double> genes,
                        std::uint64_t scenario) const {
  return of_->cost(genes, scenario);
}

result<training_target> understand_training(const training_flags& flags) {
  if (flags.objective == queue_goal_name)
    return understand_queue_training(flags);
  training_target out;
  placement_training training;
  const auto shares = read_shares(flags.objective);
  if (!shares)
    return shares.failure();
  training.shares = *shares;
  const auto island_shares
      = read_island_shares(flags.island_objectives, *shares);
  if (!island_shares)
    return island_shares.failure();
  auto loads = read_loads(flags.loads);
  if (!loads)
    return loads.failure();
  training.offered_loads = *std::move(loads);
  const auto divisor
      = parse_whole("--cluster-divisor", flags.cluster_divisor, 1, 1000);
  if (!divisor)
    return divisor.failure();
  training.cluster_divisor = static_cast<std::uint32_t>(*divisor);
  for (const auto& text : flags.train)
    if (auto ok = read_workload(text, out, training); !ok)
      return ok.failure();
  if (training.shares[static_cast<std::size_t>(placement_goal::synthetic)] > 0)
    out.trained_on.emplace_back("synthetic");
  if (auto ok = validate(training); !ok)
    return usage(fmt::format("--train: {}", ok.failure().message));
  auto starts = read_starts(flags.start);
  if (!starts)
    return starts.failure();
  const auto make = [&](const goal_shares& goals) {
    training.shares = goals;
    return std::make_unique<started_at>(
        std::make_unique<placement_objective>(training), *starts);
  };
  for (const auto& goals : *island_shares)
    out.island_objectives.push_back(make(goals));
  out.objective = make(*shares);
  out.heuristics = {{"fgd", genome_of(fgd_weights())},
                    {"first-fit", genome_of(first_fit_weights())}};
  out.policy_of = [](const std::string& name, const genome& genes) {
    return to_proto(name, weights_of(genes));
  };
  return out;
}

} // namespace skerry
