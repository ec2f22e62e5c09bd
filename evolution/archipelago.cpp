#include "evolution/archipelago.hpp"

#include "evolution/deviates.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace skerry {
namespace {

/// A stream of the archipelago's seed; islands have those from 0.
constexpr std::uint64_t judging = 0x6a756467'00000000;

const problem& problem_of(std::span<const problem* const> problems,
                          std::size_t island) {
  return *problems[problems.size() == 1 ? 0 : island];
}

} // namespace

result<> validate(const archipelago_options& options) {
  const auto count = options.islands.size();
  if (count < 1 || count > max_islands)
    return {error_code::invalid_argument,
            fmt::format("{} islands, must be 1 to {}", count, max_islands)};
  for (std::size_t i = 0; i < count; ++i)
    if (auto ok = validate(options.islands[i]); !ok)
      return {error_code::invalid_argument,
              fmt::format("island {}: {}", i, ok.failure().message)};
  return done{};
}

archipelago::archipelago(const archipelago_options& options,
                         std::span<const problem* const> problems)
    : archipelago{options} {
  SKERRY_ASSERT(validate(options));
  const auto count = options.islands.size();
  SKERRY_ASSERT(problems.size() == 1 || problems.size() == count);
  for (std::size_t i = 0; i < count; ++i)
    islands_.push_back(std::make_unique<island>(
        options.islands[i], problem_of(problems, i),
        derive_seed(options.seed, i), static_cast<std::uint32_t>(i)));
  arriving_.resize(count);
}

result<archipelago>
archipelago::restore(const archipelago_options& options,
                     std::span<const problem* const> problems,
                     const archipelago_state& state) {
  const auto count = options.islands.size();
  SKERRY_ASSERT(problems.size() == 1 || problems.size() == count);
  if (state.islands.size() != count || state.arriving.size() != count)
    return {error_code::malformed,
            fmt::format("archipelago state: of {} islands instead of {}",
                        state.islands.size(), count)};
  archipelago out{options};
  for (std::size_t i = 0; i < count; ++i) {
    auto restored
        = island::restore(options.islands[i], problem_of(problems, i),
                          state.islands[i], static_cast<std::uint32_t>(i));
    if (!restored)
      return restored.failure();
    out.islands_.push_back(*std::move(restored));
  }
  out.arriving_ = state.arriving;
  out.epoch_ = state.epoch;
  return out;
}

void archipelago::step(const executor& run) {
  struct job {
    const problem* of;
    evaluation what;
  };
  std::vector<job> jobs;
  std::vector<std::size_t> counts;
  for (std::size_t i = 0; i < islands_.size(); ++i) {
    islands_[i]->accept(arriving_[i]);
    arriving_[i].clear();
    const auto asked = islands_[i]->ask();
    counts.push_back(asked.size());
    for (const auto& what : asked)
      jobs.push_back({&islands_[i]->of(), what});
  }
  std::vector<double> costs(jobs.size());
  run(jobs.size(), [&](std::size_t i) {
    costs[i] = jobs[i].of->cost(jobs[i].what.genes, jobs[i].what.scenario);
  });
  auto rest = std::span<const double>{costs};
  for (std::size_t i = 0; i < islands_.size(); ++i) {
    islands_[i]->tell(rest.first(counts[i]));
    rest = rest.subspan(counts[i]);
  }
  exchange();
  ++epoch_;
}

void archipelago::exchange() {
  for (std::size_t i = 0; i < islands_.size(); ++i) {
    if (!islands_[i]->sends_now())
      continue;
    const auto to = receivers(options_.exchange, islands_.size(), i);
    if (to.empty())
      continue;
    const auto migrants = islands_[i]->emigrants();
    for (const auto receiver : to)
      arriving_[receiver].insert(arriving_[receiver].end(), migrants.begin(),
                                 migrants.end());
  }
}

void archipelago::run(std::uint64_t budget, const executor& run,
                      const std::function<bool(const archipelago&)>& go_on) {
  while (evaluations() < budget) {
    step(run);
    if (!go_on(*this))
      return;
  }
}

archipelago_champion archipelago::champion(const problem& judge,
                                           std::size_t scenarios,
                                           const executor& run) const {
  struct contender {
    genome genes;
    std::size_t island;
    double sum = 0; ///< Of its costs.
  };
  std::vector<contender> contenders;
  for (std::size_t i = 0; i < islands_.size(); ++i)
    for (auto& genes : islands_[i]->contenders())
      if (std::ranges::find(contenders, genes, &contender::genes)
          == contenders.end())
        contenders.push_back({std::move(genes), i});
  SKERRY_ASSERT(!contenders.empty());
  if (judge.is_deterministic())
    scenarios = 1;
  archipelago_champion out;
  std::size_t seen = 0;
  for (std::size_t divisor = 8; divisor > 0; divisor /= 2) {
    const auto until = scenarios / divisor;
    const auto many = contenders.size();
    std::vector<double> costs(many * (until - seen));
    // Scenario by scenario: a problem may keep the last ones that it has drawn.
    run(costs.size(), [&](std::size_t i) {
      costs[i]
          = judge.cost(contenders[i % many].genes,
                       derive_seed(options_.seed, judging, seen + i / many));
    });
    for (std::size_t i = 0; i < costs.size(); ++i)
      contenders[i % many].sum += std::isnan(costs[i])
                                      ? std::numeric_limits<double>::infinity()
                                      : costs[i];
    out.evaluations += costs.size();
    seen = until;
    std::ranges::stable_sort(contenders, {}, &contender::sum);
    if (seen > 0)
      contenders.resize(divisor == 1 ? 1 : (contenders.size() + 1) / 2);
  }
  const auto& best = contenders.front();
  out.best = {best.genes, best.sum / static_cast<double>(seen)};
  out.island = best.island;
  return out;
}

std::uint64_t archipelago::evaluations() const {
  std::uint64_t sum = 0;
  for (const auto& each : islands_)
    sum += each->statistics().evaluations;
  return sum;
}

archipelago_state archipelago::state() const {
  archipelago_state out;
  out.arriving = arriving_;
  out.epoch = epoch_;
  for (const auto& each : islands_)
    out.islands.push_back(each->state());
  return out;
}

} // namespace skerry
