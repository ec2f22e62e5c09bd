#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/output_file.hpp"
#include "cli/report.hpp"
#include "cli/version.hpp"
#include "learning/learner.hpp"
#include "messages/experience_record.hpp"
#include "messages/weights_file.hpp"
#include "storage/experience_store.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using monotonic = std::chrono::steady_clock;

/// One in so many is kept back, to see how far what was learned holds.
constexpr std::uint64_t held_out_every = 10;
constexpr double seconds_between_lines = 5;
constexpr std::int64_t most_experience = 10'000'000;

struct learn_flags {
  std::string experience;
  std::string out;
  std::string from;
  std::string steps = "2000";
  std::string batch = "256";
  std::string hidden = "64";
  std::string rate = "0.001";
  std::string temperature = "1";
  std::string scale = "0.1";
  std::string seed = "1";
  std::string last = "1000000";
};

struct learn_request {
  std::uint64_t steps = 0;
  std::uint64_t last = 0;
  learner_options options;
  std::optional<network_weights> start;
};

struct recorded {
  std::vector<experience> train;
  std::vector<experience> held_out;
  std::uint64_t skipped = 0;
};

result<learn_request> understand(const learn_flags& flags) {
  const auto steps = parse_whole("--steps", flags.steps, 1, 1'000'000'000);
  if (!steps)
    return steps.failure();
  const auto batch = parse_whole("--batch", flags.batch, 1, 65'536);
  if (!batch)
    return batch.failure();
  const auto hidden = parse_whole("--hidden", flags.hidden, 64, 256);
  if (!hidden)
    return hidden.failure();
  const auto rate = parse_decimal("--learning-rate", flags.rate, 1e-9, 1);
  if (!rate)
    return rate.failure();
  const auto temperature
      = parse_decimal("--temperature", flags.temperature, 1e-3, 1e6);
  if (!temperature)
    return temperature.failure();
  const auto scale = parse_decimal("--reward-scale", flags.scale, 1e-9, 1e3);
  if (!scale)
    return scale.failure();
  const auto seed = parse_whole("--seed", flags.seed, 0, INT64_MAX);
  if (!seed)
    return seed.failure();
  const auto last = parse_whole("--last", flags.last, 1, most_experience);
  if (!last)
    return last.failure();
  learn_request out{.steps = static_cast<std::uint64_t>(*steps),
                    .last = static_cast<std::uint64_t>(*last),
                    .options = {},
                    .start = {}};
  out.options.batch = static_cast<std::size_t>(*batch);
  out.options.hidden = static_cast<std::size_t>(*hidden);
  out.options.seed = static_cast<std::uint64_t>(*seed);
  out.options.reward_scale = *scale;
  out.options.training.learning_rate = *rate;
  out.options.training.temperature = *temperature;
  if (auto ok = validate(out.options); !ok)
    return ok.failure();
  if (flags.from.empty())
    return out;
  auto start = read_weights_file(flags.from);
  if (!start)
    return error{error_code::invalid_argument, start.failure().message};
  out.start = *std::move(start);
  return out;
}

/// The last experience of a directory; what cannot be read is counted.
result<recorded> read_experience(const std::string& directory,
                                 std::uint64_t last) {
  if (!std::filesystem::is_directory(directory))
    return {error_code::invalid_argument,
            fmt::format("--experience: there is no directory {}", directory)};
  auto store
      = experience_store::open({.directory = directory, .read_only = true});
  if (!store)
    return store.failure();
  using namespace std::chrono;
  const auto now_ms
      = duration_cast<milliseconds>(system_clock::now().time_since_epoch());
  recorded out;
  std::uint64_t number = 0;
  auto read
      = (*store)->for_last(last, now_ms.count(), [&](std::string_view record) {
          auto one = experience_from(record);
          if (!one)
            ++out.skipped;
          else if (++number % held_out_every == 0)
            out.held_out.push_back(*std::move(one));
          else
            out.train.push_back(*std::move(one));
        });
  if (!read)
    return read.failure();
  out.skipped += (*store)->measured().damaged;
  if (out.train.empty())
    return {error_code::invalid_argument,
            fmt::format("{} holds no experience of this version ({} records "
                        "cannot be used)",
                        directory, out.skipped)};
  return out;
}

/// How far weights hold for decisions that they were not trained on.
struct held_out_figures {
  /// 1 - Var(y - V) / Var(y), y being reward + discount V(next).
  double explained_variance = 0;
  double agreement = 0; ///< Share of choices that the policy would make, too.
};

held_out_figures examine(const candidate_network& net, double reward_scale,
                         const std::vector<experience>& held_out) {
  const std::vector<float> none(placement_features);
  const auto value_of = [&](const state_values& state) {
    float logit = 0;
    float value = 0;
    net.evaluate(state, none, {&logit, 1}, {&value, 1});
    return static_cast<double>(value);
  };
  double sum = 0;
  double squares = 0;
  double error_sum = 0;
  double error_squares = 0;
  double agreed = 0;
  for (const auto& each : held_out) {
    const auto wanted = reward_scale * static_cast<double>(each.reward)
                        + (each.terminal ? 0
                                         : static_cast<double>(each.discount)
                                               * value_of(each.next_state));
    const auto error = wanted - value_of(each.state);
    sum += wanted;
    squares += wanted * wanted;
    error_sum += error;
    error_squares += error * error;
    std::vector<float> rows;
    for (const auto& candidate : each.candidates)
      rows.insert(rows.end(), candidate.begin(), candidate.end());
    std::vector<float> logits(each.candidates.size());
    net.evaluate(each.state, rows, logits, {});
    const auto best = std::ranges::max_element(logits) - logits.begin();
    agreed += best == static_cast<std::ptrdiff_t>(each.chosen) ? 1 : 0;
  }
  const auto n = static_cast<double>(std::max<std::size_t>(held_out.size(), 1));
  const auto variance = squares / n - sum / n * (sum / n);
  const auto left = error_squares / n - error_sum / n * (error_sum / n);
  return {.explained_variance = variance > 0 ? 1 - left / variance : 0,
          .agreement = agreed / n};
}

double seconds_from(monotonic::time_point start) {
  return std::chrono::duration<double>(monotonic::now() - start).count();
}

/// Until the steps are done or somebody interrupts.
result<> train(learner& by, experience_ring& ring, std::uint64_t steps,
               const console& out) {
  held_signals signals;
  auto last = monotonic::now();
  for (std::uint64_t i = 0; i < steps; ++i) {
    if (const auto step = by.step(ring); !step)
      return step.failure();
    if (signals.wait_milliseconds(0) != 0) {
      out.note(fmt::format("interrupted after {} steps: writing what they "
                           "have come to",
                           i + 1));
      break;
    }
    if (out.quiet || seconds_from(last) < seconds_between_lines)
      continue;
    last = monotonic::now();
    const auto& at = by.figures();
    console::print_to_stderr(fmt::format(
        "step {}: value loss {:.4f}, policy loss {:.4f}, entropy {:.3f}, "
        "divergence {:.4f}, {} rollbacks\n",
        at.steps, at.value_loss, at.policy_loss, at.entropy, at.divergence,
        at.rollbacks));
  }
  return done{};
}

network_weights sealed_origin(const learner& by, const learn_flags& flags,
                              const learn_request& request) {
  auto out = by.weights();
  out.origin.trained_on = flags.experience;
  if (request.start)
    out.origin.parents = {weights_id(*request.start)};
  out.origin.made_by = fmt::format("skerry {} ({})", version(), commit());
  out.origin.command = fmt::format(
      "skerry learn --experience {} --steps {} --batch {} --hidden {} "
      "--learning-rate {} --temperature {} --reward-scale {} --seed {} --last "
      "{}{}",
      flags.experience, flags.steps, flags.batch, flags.hidden, flags.rate,
      flags.temperature, flags.scale, flags.seed, flags.last,
      flags.from.empty() ? "" : " --from " + flags.from);
  return out;
}

result<> print_outcome(const learn_flags& flags, const network_weights& weights,
                       const learner_figures& at, const recorded& data,
                       const held_out_figures& held, double seconds,
                       console& out) {
  const auto id = weights_id(weights);
  if (out.format == output_format::json)
    return out.print(json{{"out", flags.out},
                          {"id", id},
                          {"steps", at.steps},
                          {"experiences", data.train.size()},
                          {"held_out", data.held_out.size()},
                          {"skipped", data.skipped},
                          {"value_loss", at.value_loss},
                          {"policy_loss", at.policy_loss},
                          {"entropy", at.entropy},
                          {"rollbacks", at.rollbacks},
                          {"explained_variance", held.explained_variance},
                          {"agreement", held.agreement},
                          {"seconds", seconds}}
                         .dump(2)
                     + "\n");
  return out.print(fmt::format(
      "{}: {} steps on {} experiences in {:.1f} s, {} rollbacks\n"
      "of {} kept back: the value explains {:.1f} % of the variance of the "
      "returns, the policy makes {:.1f} % of the choices\n"
      "sha256 {}\n",
      flags.out, at.steps, data.train.size(), seconds, at.rollbacks,
      data.held_out.size(), 100 * held.explained_variance, 100 * held.agreement,
      id));
}

result<> learn(const learn_flags& flags, console& out) {
  const auto request = understand(flags);
  if (!request)
    return request.failure();
  auto file = output_file::create(flags.out, {});
  if (!file)
    return file.failure();
  auto data = read_experience(flags.experience, request->last);
  if (!data)
    return data.failure();
  if (data->skipped > 0)
    out.note(fmt::format("{} records cannot be used", data->skipped));
  // A fixed set: drawn from as often as there are steps.
  experience_ring ring{
      {.capacity = data->train.size(), .fewest = 1, .samples_per_insert = 0},
      request->options.seed};
  for (const auto& each : data->train)
    if (auto ok = ring.insert(each); !ok)
      return ok;
  const auto start = monotonic::now();
  auto by = learner::make(request->options, request->start);
  if (!by)
    return by.failure();
  if (auto ok = train(*by, ring, request->steps, out); !ok)
    return ok;
  const auto seconds = seconds_from(start);
  const auto weights = sealed_origin(*by, flags, *request);
  const auto net
      = candidate_network::from(experience_network(request->options.hidden),
                                weights, experience_schema());
  if (!net)
    return net.failure();
  if (auto ok = file->commit(weights_bytes(weights)); !ok)
    return ok;
  return print_outcome(
      flags, weights, by->figures(), *data,
      examine(*net, request->options.reward_scale, data->held_out), seconds,
      out);
}

} // namespace

void add_learn_command(CLI::App& parent, action& chosen) {
  auto& subcommand = *parent.add_subcommand(
      "learn", "Train the networks for policy and value on experience");
  const auto flags = std::make_shared<learn_flags>();
  const auto option = [&](const std::string& name, std::string& into,
                          const std::string& type, const std::string& what) {
    return subcommand.add_option(name, into, what)->type_name(type);
  };
  option("--experience", flags->experience, "DIR",
         "Where `skerry simulate ... --experience` or a server has left it")
      ->required();
  option("--out", flags->out, "FILE", "The weights")->required();
  option("--from", flags->from, "FILE", "Go on from these weights")
      ->check(refuse_empty);
  option("--steps", flags->steps, "N", "Of the optimiser")
      ->capture_default_str();
  option("--batch", flags->batch, "N", "Experiences a step")
      ->capture_default_str();
  option("--hidden", flags->hidden, "N",
         "Units of both layers: 64, 128, 192, "
         "256")
      ->capture_default_str();
  option("--learning-rate", flags->rate, "X", "Of Adam, after its warm-up")
      ->capture_default_str();
  option("--temperature", flags->temperature, "X",
         "Low learns from the best choices only, high from all")
      ->capture_default_str();
  option("--reward-scale", flags->scale, "X",
         "Of rewards, and so of values, which are\nlearned best near 1")
      ->capture_default_str();
  option("--last", flags->last, "N", "Only the last experiences")
      ->capture_default_str();
  option("--seed", flags->seed, "N", "Of first weights and batches")
      ->capture_default_str();
  subcommand.footer(
      "A tenth of the experience is kept back, to tell how far what was "
      "learned holds.\nProgress goes to stderr. Ctrl-C ends the training and "
      "writes what it has come to.\n"
      "Also: -o table|json, --quiet.\n"
      "Example:\n"
      "  skerry learn --experience recorded --steps 5000 --out mine.weights");
  subcommand.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return learn(*flags, out); };
  });
}

} // namespace skerry
