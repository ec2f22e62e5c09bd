#include "actors/island_worker.hpp"

#include "actors/idle_thread.hpp"
#include "evolution/deviates.hpp"
#include "messages/policy_file.hpp"
#include "scheduling/assert.hpp"
#include "simulation/placement_genome.hpp"
#include "storage/whole_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

/// Of CPU time. Long enough that the pauses between slices cost nothing, short
/// enough that messages and the end are seen soon.
constexpr double slice_seconds = 0.005;
/// Pauses are not longer, so that a thread that was held up is not late for
/// what comes.
constexpr double longest_pause_seconds = 1;
/// A checkpoint has some kilobytes for each member of the population.
constexpr std::size_t max_checkpoint_bytes = std::size_t{256} << 20;
/// To the first look at the cell; doubles up to `refresh_milliseconds`.
constexpr std::int64_t first_look_milliseconds = 5'000;
/// Of the scenarios, those of the cell where it is known. What it has not seen
/// yet comes from the others.
constexpr double cell_share = 0.8;
/// Where an island of no trace trains: the same everywhere.
constexpr std::uint64_t synthetic_seed = 1;

} // namespace

result<> validate(const server_islands_options& options) {
  const auto fault = [](std::string text) {
    return error{error_code::invalid_argument, std::move(text)};
  };
  if (options.count > max_islands_per_server)
    return fault(fmt::format("{} islands, must be at most {}", options.count,
                             max_islands_per_server));
  if (!(options.cpu_share > 0 && options.cpu_share <= 1))
    return fault(fmt::format("islands: a CPU share of {}, must be above 0 and "
                             "at most 1",
                             options.cpu_share));
  if (options.refresh_milliseconds < 1'000
      || options.checkpoint_milliseconds < 1'000)
    return fault("islands: a time below 1 s");
  for (const auto& optimiser : options.optimisers)
    if (auto ok = validate(optimiser); !ok)
      return ok;
  return validate(options.migration);
}

// -- the board ----------------------------------------------------------------

void island_board::show(v1::IslandStatus status) {
  const std::lock_guard lock{mutex_};
  const auto number = status.island();
  of_[number] = std::move(status);
}

std::vector<v1::IslandStatus> island_board::all() const {
  const std::lock_guard lock{mutex_};
  std::vector<v1::IslandStatus> out;
  for (const auto& [number, status] : of_)
    out.push_back(status);
  return out;
}

// -- the worker ---------------------------------------------------------------

island_worker::island_worker(island_worker_options options)
    : options_{std::move(options)} {
  SKERRY_ASSERT(validate(options_.islands));
  SKERRY_ASSERT(options_.starts.size() == options_.start_names.size());
}

void island_worker::log(const std::string& line) const {
  if (options_.log)
    options_.log(fmt::format("island {} {}", options_.number, line));
}

result<island_goal>
island_worker::goal_of(const placement_picture* cell) const {
  island_goal out;
  cell_objective_options how{.stop = options_.stop};
  const auto space = placement_space();
  for (std::size_t i = 0; i < options_.starts.size(); ++i) {
    auto genes = genome_of(options_.starts[i]);
    if (!check_genome(space, genes))
      continue; // Beyond where evolution looks.
    how.starts.push_back(std::move(genes));
    out.starts.push_back(options_.start_names[i]);
  }
  out.starts.insert(out.starts.end(), {"fgd", "first-fit"});
  auto pictures = options_.islands.base;
  out.text = "traces";
  if (pictures.empty()) {
    pictures.push_back(synthetic_picture(synthetic_seed));
    out.text = "synthetic";
  }
  if (cell != nullptr) {
    double others = 0;
    for (const auto& each : pictures)
      others += each.share;
    pictures.push_back(*cell);
    pictures.back().share = others * cell_share / (1 - cell_share);
    out.text = fmt::format("its cell ({} nodes, {} tasks), {}",
                           cell->nodes.size(), cell->tasks.size(), out.text);
  }
  auto made = cell_objective::make(std::move(pictures), std::move(how));
  if (!made)
    return made.failure();
  out.fingerprint = (*made)->fingerprint();
  out.of = *std::move(made);
  return out;
}

void island_worker::begin(instant now) {
  if (options_.islands.when_idle)
    run_when_idle();
  const auto& islands = options_.islands;
  island_host_options how{.server = options_.server,
                          .number = options_.number,
                          .exchange = islands.exchange,
                          .seed = islands.seed,
                          .stop = options_.stop,
                          .cpu_seconds = own_cpu_seconds};
  if (!islands.optimisers.empty())
    how.island.optimiser
        = islands.optimisers[options_.number % islands.optimisers.size()];
  how.island.migration = islands.migration;
  how.island.scenarios = islands.scenarios;
  how.island.validation_scenarios = 32;
  how.island.validate_every = 10;
  // Costs of islands on the same goal can be compared.
  how.island.validation_seed = derive_seed(islands.seed, 0);
  auto goal = goal_of(nullptr);
  SKERRY_ASSERT(goal); // Traces were tried at the start.
  host_ = std::make_unique<island_host>(std::move(how), *std::move(goal));
  host_->set_islands(islands_);
  resume();
  look_pause_ = std::min(first_look_milliseconds, islands.refresh_milliseconds);
  looks_at_ = now.steady_milliseconds + look_pause_;
  keep_at_ = now.steady_milliseconds + islands.checkpoint_milliseconds;
  cpu_at_start_ = own_cpu_seconds();
}

/// A population that cannot be read is no reason not to serve: it is set aside
/// for whoever wants to look, and another one begins.
void island_worker::resume() {
  const auto& file = options_.checkpoint;
  if (file.empty())
    return;
  const auto kept = read_whole_file(file, max_checkpoint_bytes);
  if (!kept && kept.failure().code == error_code::not_found)
    return;
  const auto resumed
      = kept ? host_->resume(*kept, file.string()) : result<>{kept.failure()};
  if (resumed) {
    kept_generation_ = host_->state().search().generation();
    return log(fmt::format("resumed generation={}", kept_generation_));
  }
  auto aside = file;
  aside += ".aside";
  std::error_code fault;
  std::filesystem::rename(file, aside, fault);
  host_->set_trouble(
      fmt::format("began anew: {}{}", resumed.failure().message,
                  fault ? std::string{} : ", set aside as " + aside.string()));
  log(host_->trouble());
}

std::int64_t island_worker::work(instant now, outbox& out) {
  if ((options_.stop && *options_.stop)
      || (options_.frozen && *options_.frozen))
    return 1'000;
  const auto wall = wall_seconds();
  const auto cpu = own_cpu_seconds();
  if (!host_) {
    begin(now);
    show();
  }
  if (options_.islands.from_cell && options_.look_at_cell
      && now.steady_milliseconds >= looks_at_) {
    look_pause_
        = std::min(look_pause_ * 2, options_.islands.refresh_milliseconds);
    looks_at_ = now.steady_milliseconds + look_pause_;
    options_.look_at_cell();
  }
  double used = 0;
  while (used < slice_seconds && !(options_.stop && *options_.stop)) {
    if (host_->step(now, out)) {
      show();
      if (now.steady_milliseconds >= keep_at_)
        keep(now);
    }
    used = own_cpu_seconds() - cpu;
  }
  const auto pause
      = used / options_.islands.cpu_share - (wall_seconds() - wall);
  return static_cast<std::int64_t>(
      std::ceil(std::clamp(pause, 0.0, longest_pause_seconds) * 1000));
}

void island_worker::take(const mesh::v1::Envelope& envelope, instant now,
                         outbox& out) {
  if (host_)
    host_->take(envelope, now, out);
}

void island_worker::set_islands(
    std::map<std::string, std::uint32_t> by_server) {
  islands_ = std::move(by_server);
  if (!host_)
    return;
  host_->set_islands(islands_);
  show();
}

void island_worker::set_cell(placement_picture cell) {
  if (!host_ || cell.nodes.empty() || cell.tasks.empty())
    return;
  auto goal = goal_of(&cell);
  if (!goal)
    return log(fmt::format("keeps its objective: {}", goal.failure().message));
  if (goal->fingerprint == host_->goal().fingerprint)
    return;
  log(fmt::format("trains on {}", goal->text));
  host_->set_goal(*std::move(goal));
}

// -- what it leaves -----------------------------------------------------------

void island_worker::keep(instant now) {
  keep_at_ = now.steady_milliseconds + options_.islands.checkpoint_milliseconds;
  if (options_.checkpoint.empty())
    return;
  std::error_code fault; // The write says it better.
  std::filesystem::create_directories(options_.checkpoint.parent_path(), fault);
  const auto generation = host_->state().search().generation();
  if (auto kept
      = write_whole_file(options_.checkpoint, host_->checkpoint_bytes());
      !kept) {
    keep_failed_ = true;
    host_->set_trouble(kept.failure().message);
    return log(kept.failure().message);
  }
  kept_generation_ = generation;
  host_->checkpointed(now);
  if (std::exchange(keep_failed_, false))
    host_->set_trouble({});
}

void island_worker::finish(instant now) {
  if (host_ && host_->state().search().generation() != kept_generation_)
    keep(now);
}

void island_worker::show() {
  if (!options_.board)
    return;
  auto status = host_->status();
  status.set_cpu_seconds(own_cpu_seconds() - cpu_at_start_);
  if (!host_->best().genes.empty())
    *status.mutable_policy() = policy(status);
  options_.board->show(std::move(status));
}

v1::Policy island_worker::policy(const v1::IslandStatus& status) const {
  auto out = to_proto(fmt::format("{}-{}", options_.server, options_.number),
                      weights_of(host_->best().genes));
  auto& from = *out.mutable_provenance();
  from.set_objective(status.objective());
  from.add_trained_on(
      fmt::format("island {} of server {}", options_.number, options_.server));
  for (const auto& name : host_->goal().starts)
    from.add_parents(name);
  from.set_seed(options_.islands.seed);
  from.set_evaluations(status.evaluations());
  from.set_islands(1);
  from.set_cost(status.best());
  from.set_heuristic(status.start());
  from.set_heuristic_cost(status.start_cost());
  from.set_made_by(fmt::format("skerry {}", options_.version));
  from.set_command("an island of a running cluster; generation "
                   + std::to_string(status.generation()));
  seal(out);
  return out;
}

} // namespace skerry
