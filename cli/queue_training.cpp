#include "cli/arguments.hpp"
#include "cli/ending.hpp"
#include "cli/training.hpp"
#include "messages/policy_file.hpp"
#include "simulation/queue_objective.hpp"
#include "simulation/swf_track.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace skerry {
namespace {

error usage(std::string text) {
  return {error_code::invalid_argument, std::move(text)};
}

struct queue_training {
  queue_objective_options options;
  std::vector<std::vector<swf_job>> parts;
};

/// The windows of the log, or all of it.
result<> cut(const std::vector<swf_job>& log, const std::string& windows,
             std::vector<std::vector<swf_job>>& into) {
  if (windows.empty()) {
    into.push_back(log);
    return done{};
  }
  const auto parsed = parse_windows(windows);
  if (!parsed)
    return usage("--train: jobs: " + parsed.failure().message);
  for (const auto& [first, length] : *parsed) {
    if (first > log.size() || length > log.size() - first)
      return usage(fmt::format("--train: jobs={}:{}: the log has {} jobs",
                               first, length, log.size()));
    const auto begin = log.begin() + static_cast<std::ptrdiff_t>(first);
    into.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(length));
  }
  return done{};
}

/// One --train: "trace=FILE,jobs=START:LEN", "procs=N", both, or just FILE.
result<> read_log(const std::string& text, training_target& target,
                  queue_training& into) {
  constexpr std::array<std::string_view, 3> known{"trace=FILE", "procs=N",
                                                  "jobs=START:LEN"};
  const auto items = parse_train(
      text.find('=') == text.npos ? "trace=" + text : text, known);
  if (!items)
    return items.failure();
  std::optional<std::string> trace;
  std::string windows;
  for (const auto& [key, value] : *items) {
    if (key == "trace")
      trace = value;
    else if (key == "jobs")
      windows = value;
    else {
      const auto processors
          = parse_whole("--train: procs", value, 1, max_swf_processors);
      if (!processors)
        return processors.failure();
      into.options.processors = *processors;
    }
  }
  if (!trace)
    return windows.empty() ? result<>{done{}}
                           : usage("--train: jobs= without trace=");
  const auto log = read_swf(*trace);
  if (!log)
    return as_usage_fault(log.failure());
  target.trained_on.push_back(workload_name(*trace));
  return cut(log->jobs, windows, into.parts);
}

result<> check(const queue_training& training) {
  if (auto ok = validate(training.options); !ok)
    return usage("--train: " + ok.failure().message);
  for (const auto& part : training.parts) {
    if (part.size() < training.options.window_jobs)
      return usage(fmt::format("--train: {} jobs are too few: training windows "
                               "are {} jobs long",
                               part.size(), training.options.window_jobs));
    const auto widest = std::ranges::max(part, {}, &swf_job::processors);
    if (widest.processors > training.options.processors)
      return usage(fmt::format(
          "--train: job {} wants {} processors, the machine has {}: give "
          "procs=N",
          widest.number, widest.processors, training.options.processors));
  }
  return done{};
}

genome as_genome(const queue_weights& weights) {
  return {weights.begin(), weights.end()};
}

result<std::vector<genome>> read_starts(const std::string& text,
                                        const search_space& space) {
  std::vector<genome> out;
  if (text.empty())
    return out;
  const auto names = parse_list("--start", text);
  if (!names)
    return names.failure();
  for (const auto& name : *names) {
    const auto weights = find_queue_policy(name);
    if (!weights)
      return usage("--start: " + weights.failure().message);
    out.push_back(as_genome(*weights));
    if (auto ok = check_genome(space, out.back()); !ok)
      return usage(fmt::format("--start: {}: {}", name, ok.failure().message));
  }
  return out;
}

} // namespace

result<training_target> understand_queue_training(const training_flags& flags) {
  training_target out;
  queue_training training;
  if (!flags.island_objectives.empty())
    return usage(
        fmt::format("--island-objectives: {} has no parts", queue_goal_name));
  constexpr std::array<std::string_view, 2> ways{"none", "easy"};
  const auto way = parse_choice("--backfill", flags.backfill, ways);
  if (!way)
    return way.failure();
  training.options.backfill = *way == 0 ? backfilling::none : backfilling::easy;
  const auto estimates
      = parse_choice("--estimates", flags.estimates, swf_estimate_names);
  if (!estimates)
    return estimates.failure();
  training.options.estimates = static_cast<swf_estimates>(*estimates);
  for (const auto& text : flags.train)
    if (auto ok = read_log(text, out, training); !ok)
      return ok.failure();
  if (training.parts.empty())
    out.trained_on.emplace_back("lublin");
  else
    training.options.synthetic_share = 0;
  if (auto ok = check(training); !ok)
    return ok.failure();
  auto objective = std::make_unique<queue_objective>(training.options,
                                                     std::move(training.parts));
  auto starts = read_starts(flags.start, objective->space());
  if (!starts)
    return starts.failure();
  for (const auto& [order, weights] : orders_as_weights())
    out.heuristics.emplace_back(to_string(order), as_genome(weights));
  out.objective
      = std::make_unique<started_at>(std::move(objective), *std::move(starts));
  out.policy_of = [](const std::string& name, const genome& genes) {
    queue_weights weights{};
    std::ranges::copy(genes, weights.begin());
    return to_proto(name, weights);
  };
  return out;
}

} // namespace skerry
