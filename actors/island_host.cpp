#include "actors/island_host.hpp"

#include "evolution/deviates.hpp"
#include "messages/search_checkpoint.hpp"
#include "scheduling/assert.hpp"
#include "scheduling/fnv.hpp"
#include "scheduling/placement_features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

/// Champions that are judged anew beside the starting points.
constexpr std::size_t champions_kept = 4;

island_options with_room(island_options options, std::size_t starts) {
  // All starting points are champions at first, so that each one's cost is
  // known.
  options.champions = static_cast<std::uint32_t>(
      std::clamp<std::size_t>(starts + champions_kept, options.champions, 64));
  return options;
}

std::uint64_t seed_of(const island_host_options& options) {
  return derive_seed(options.seed, fnv1a{}.text(options.server).value(),
                     options.number);
}

} // namespace

island_host::island_host(island_host_options options, island_goal goal)
    : options_{std::move(options)}, goal_{std::move(goal)} {
  options_.island = with_room(options_.island, goal_.starts.size());
  SKERRY_ASSERT(validate(options_.island));
  island_ = std::make_unique<island>(options_.island, *goal_.of,
                                     seed_of(options_), options_.number);
  last_ = island_->state();
}

// -- going on -----------------------------------------------------------------

std::string island_host::search() const {
  return fmt::format("island {} of {}: {}, seed {}, schema {}", options_.number,
                     options_.server, island_->search().name(), options_.seed,
                     schema());
}

std::string island_host::schema() const {
  return fmt::format("{:016x}-{}", placement_feature_schema(),
                     goal_.of->space().dimension());
}

std::string island_host::checkpoint_bytes() const {
  v1::SearchCheckpoint out;
  out.set_search(search());
  *out.add_islands() = to_proto(last_);
  out.set_objective(goal_.fingerprint);
  if (!start_.empty()) {
    out.set_start(start_);
    out.set_start_cost(start_cost_);
  }
  return sealed_bytes(std::move(out));
}

result<> island_host::resume(std::string_view checkpoint,
                             std::string_view origin) {
  const auto read = open_sealed(checkpoint, search(), origin);
  if (!read)
    return read.failure();
  const auto wrong = [origin](std::string_view what) {
    return error{error_code::malformed, fmt::format("{}: {}", origin, what)};
  };
  if (read->islands_size() != 1)
    return wrong("it is of several islands");
  auto state = island_state_from(read->islands(0));
  if (!state)
    return wrong(state.failure().message);
  auto restored
      = island::restore(options_.island, *goal_.of, *state, options_.number);
  if (!restored)
    return wrong(restored.failure().message);
  island_ = *std::move(restored);
  last_ = *std::move(state);
  costs_.clear();
  resumed_ = island_->search().generation();
  judges_starts_ = false;
  if (read->objective() != goal_.fingerprint
      || (!goal_.starts.empty() && !read->has_start_cost())) {
    judge_anew(last_);
    return done{};
  }
  start_ = read->start();
  start_cost_ = read->start_cost();
  return done{};
}

/// An open generation is dropped: its costs are of the old goal.
void island_host::set_goal(island_goal goal) {
  // The island refers to the old one until it is replaced.
  const auto before = std::exchange(goal_, std::move(goal));
  auto state = last_;
  const auto counted = island_->statistics(); // What came since is counted.
  state.migrants_sent = counted.migrants_sent;
  state.migrants_accepted = counted.migrants_accepted;
  state.migrants_refused = counted.migrants_refused;
  state.migrants_known = counted.migrants_known;
  judge_anew(std::move(state));
}

void island_host::judge_anew(island_state state) {
  const auto& starts = goal_.of->space().starting_points;
  auto all = starts;
  for (const auto& champion : state.champions)
    if (all.size() < starts.size() + champions_kept
        && std::ranges::find(all, champion.genes) == all.end())
      all.push_back(champion.genes);
  state.to_validate = std::move(all);
  state.champions.clear();
  auto restored
      = island::restore(options_.island, *goal_.of, state, options_.number);
  SKERRY_ASSERT(restored); // The space is the same.
  island_ = *std::move(restored);
  last_ = std::move(state);
  costs_.clear();
  judges_starts_ = true;
  start_.clear();
}

// -- work ---------------------------------------------------------------------

bool island_host::step(instant now, outbox& out) {
  const auto asked = island_->ask();
  const auto& next = asked[costs_.size()];
  const auto cost = goal_.of->cost(next.genes, next.scenario);
  if (options_.stop && *options_.stop)
    return false;
  costs_.push_back(cost);
  if (costs_.size() < asked.size())
    return false;
  island_->tell(std::exchange(costs_, {}));
  if (std::exchange(judges_starts_, false))
    note_starts();
  as_migration([&] {
    if (island_->sends_now())
      for (const auto& each : island_->emigrants())
        outgoing_.push_back(to_proto(each));
    while (outgoing_.size() > static_cast<std::size_t>(max_batch_migrants))
      outgoing_.pop_front();
    if (!outgoing_.empty() && now.steady_milliseconds >= next_batch_at_)
      send(now, out);
  });
  last_ = island_->state();
  return true;
}

void island_host::note_starts() {
  const auto& starts = goal_.of->space().starting_points;
  for (const auto& champion : island_->champions()) {
    const auto found = std::ranges::find(starts, champion.genes);
    if (found == starts.end())
      continue;
    const auto at = static_cast<std::size_t>(found - starts.begin());
    start_ = at < goal_.starts.size() ? goal_.starts[at] : "unnamed";
    start_cost_ = champion.cost;
    return; // The best comes first.
  }
}

// -- migration ----------------------------------------------------------------

template <class Work>
void island_host::as_migration(Work&& work) {
  const auto& clock = options_.cpu_seconds;
  const auto before = clock ? clock() : 0;
  work();
  if (clock)
    migration_cpu_seconds_ += clock() - before;
}

/// All servers that see each other see the same islands in the same order, so
/// that they form the topology without a word about it.
void island_host::set_islands(
    const std::map<std::string, std::uint32_t>& by_server) {
  std::vector<place> all;
  std::size_t own = 0;
  for (const auto& [server, count] : by_server)
    for (std::uint32_t i = 0; i < std::min(count, max_islands_per_server);
         ++i) {
      if (server == options_.server && i == options_.number)
        own = all.size();
      all.emplace_back(server, i);
    }
  std::map<place, link> now;
  if (!all.empty())
    for (const auto at : receivers(options_.exchange, all.size(), own))
      now[all[at]] = std::move(neighbours_[all[at]]);
  neighbours_ = std::move(now);
}

void island_host::send(instant now, outbox& out) {
  std::vector<std::map<place, link>::value_type*> ready;
  for (auto& neighbour : neighbours_) {
    auto& waiting = neighbour.second.unanswered;
    lost_ += std::erase_if(waiting, [&](const auto& sent) {
      return now.steady_milliseconds - sent.second
             > options_.answer_milliseconds;
    });
    if (waiting.size() < options_.window)
      ready.push_back(&neighbour);
    else
      ++skipped_;
  }
  next_batch_at_ = now.steady_milliseconds + options_.batch_milliseconds;
  mesh::v1::MigrantBatch batch;
  batch.set_from_island(options_.number);
  batch.set_schema(schema());
  for (auto& each : outgoing_)
    *batch.add_migrants() = std::move(each);
  outgoing_.clear(); // Who has no credit now gets better ones later.
  for (auto* neighbour : ready) {
    const auto& [server, number] = neighbour->first;
    batch.set_to_island(number);
    batch.set_number(next_number_++);
    neighbour->second.unanswered.emplace(batch.number(),
                                         now.steady_milliseconds);
    *out.to(server, mesh::v1::Envelope::ISLAND).mutable_migrants() = batch;
  }
}

void island_host::take(const mesh::v1::Envelope& envelope, instant now,
                       outbox& out) {
  as_migration([&] {
    if (envelope.has_migrants())
      take(envelope.migrants(), envelope.from(), now, out);
    if (!envelope.has_migrants_reply())
      return;
    const auto& reply = envelope.migrants_reply();
    const auto found = neighbours_.find({envelope.from(), reply.from_island()});
    if (found != neighbours_.end())
      found->second.unanswered.erase(reply.number());
  });
}

void island_host::take(const mesh::v1::MigrantBatch& batch,
                       const std::string& from, instant now, outbox& out) {
  std::uint32_t accepted = 0;
  int seen = 0;
  for (const auto& each : batch.migrants()) {
    if (seen++ == max_batch_migrants) {
      damaged_ += static_cast<std::uint64_t>(batch.migrants_size() - seen + 1);
      break;
    }
    const auto dimension = goal_.of->space().dimension();
    const error other{error_code::invalid_argument,
                      "its genes weigh other features"};
    if (batch.schema() != schema()
        || each.genes_size() != static_cast<int>(dimension)) {
      ++damaged_;
      log(each, batch, from, &other, now);
      continue;
    }
    const auto migrant = migrant_from(each);
    const auto taken = island_->accept({&migrant, 1});
    accepted += static_cast<std::uint32_t>(taken.accepted);
    log(each, batch, from,
        taken.refusals.empty() ? nullptr : taken.refusals.data(), now);
  }
  auto& reply
      = *out.to(from, mesh::v1::Envelope::ISLAND).mutable_migrants_reply();
  reply.set_from_island(options_.number);
  reply.set_to_island(batch.from_island());
  reply.set_number(batch.number());
  reply.set_accepted(accepted);
}

void island_host::log(const v1::Migrant& what,
                      const mesh::v1::MigrantBatch& batch,
                      const std::string& from, const error* refusal,
                      instant now) {
  v1::Migration entry;
  entry.set_unix_milliseconds(now.unix_milliseconds);
  entry.set_from_server(from);
  entry.set_from_island(batch.from_island());
  entry.set_from_generation(what.generation());
  // One that is open has its migrants already.
  entry.set_generation(island_->search().generation()
                       + (costs_.empty() ? 0 : 1));
  entry.set_cost(what.cost());
  if (refusal == nullptr)
    entry.set_outcome(v1::Migration::ACCEPTED);
  else if (refusal->code == error_code::already_exists)
    entry.set_outcome(v1::Migration::KNOWN);
  else {
    entry.set_outcome(v1::Migration::REFUSED);
    entry.set_reason(refusal->message);
  }
  log_.push_front(std::move(entry));
  if (log_.size() > options_.max_log)
    log_.pop_back();
}

// -- figures ------------------------------------------------------------------

candidate island_host::best() const {
  const auto champions = island_->champions();
  return champions.empty() ? candidate{} : champions.front();
}

v1::IslandStatus island_host::status() const {
  const auto at = island_->statistics();
  v1::IslandStatus out;
  out.set_server(options_.server);
  out.set_island(options_.number);
  out.set_optimiser(std::string{island_->search().name()});
  out.set_objective(goal_.text);
  out.set_generation(at.generation);
  out.set_evaluations(at.evaluations);
  out.set_restarts(at.restarts);
  if (std::isfinite(at.best))
    out.set_best(at.best);
  if (!start_.empty()) {
    out.set_start(start_);
    out.set_start_cost(start_cost_);
  }
  if (at.generation > 0 && std::isfinite(at.mean))
    out.set_mean(at.mean);
  out.set_diversity(at.diversity);
  out.set_migrants_sent(at.migrants_sent);
  out.set_migrants_accepted(at.migrants_accepted);
  out.set_migrants_refused(at.migrants_refused + damaged_);
  out.set_migrants_known(at.migrants_known);
  out.set_batches_skipped(skipped_);
  out.set_batches_lost(lost_);
  out.set_migration_cpu_seconds(migration_cpu_seconds_);
  out.set_resumed_generation(resumed_);
  for (const auto& [to, how] : neighbours_)
    out.add_neighbours(fmt::format("{}/{}", to.first, to.second));
  out.set_checkpoint_unix_milliseconds(checkpointed_at_);
  out.set_trouble(trouble_);
  for (const auto& entry : log_)
    *out.add_migrations() = entry;
  return out;
}

} // namespace skerry
