#include "evolution/optimiser.hpp"

#include "evolution/deviates.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace skerry {
namespace {

/// Streams of draws within a generation.
constexpr std::uint64_t drawing = 0;
constexpr std::uint64_t learning = 1;

template <class Told>
void sort_by_cost(std::vector<Told>& generation) {
  std::ranges::stable_sort(generation, {},
                           [](const Told& each) { return each.of.cost; });
}

/// Puts migrants into the places of members; both best first, and so is the
/// outcome. `random` never takes the place of the best member.
template <class Told>
void replace_members(std::vector<Told>& members, std::vector<Told> migrants,
                     migrant_replacement how, rng& random) {
  std::vector<std::size_t> places(members.size());
  std::iota(places.rbegin(), places.rend(), std::size_t{0}); // Worst first.
  for (std::size_t i = 0; i < migrants.size(); ++i) {
    if (how == migrant_replacement::random)
      std::swap(places[i], places[i + random.below(places.size() - 1 - i)]);
    // The next migrant is worse, the next member better.
    if (how == migrant_replacement::if_better
        && migrants[i].of.cost >= members[places[i]].of.cost)
      break;
    members[places[i]] = std::move(migrants[i]);
  }
  sort_by_cost(members);
}

} // namespace

std::span<const genome> optimiser::ask() {
  if (asked_.empty()) {
    rng random{derive_seed(search_.seed, search_.generation, drawing)};
    asked_ = draw(random);
    drawn_ = asked_.size();
    SKERRY_ASSERT(drawn_ == population());
    asked_.insert(asked_.end(), search_.migrants.begin(),
                  search_.migrants.end());
  }
  return asked_;
}

void optimiser::tell(std::span<const double> costs) {
  SKERRY_ASSERT(!asked_.empty());
  SKERRY_ASSERT(costs.size() == asked_.size());
  std::vector<told> members;
  std::vector<told> migrants;
  for (std::size_t slot = 0; slot < asked_.size(); ++slot) {
    const auto cost = std::isnan(costs[slot])
                          ? std::numeric_limits<double>::infinity()
                          : costs[slot];
    auto& to = slot < drawn_ ? members : migrants;
    to.push_back({{std::move(asked_[slot]), cost}, slot});
    if (cost < search_.best.cost)
      search_.best = to.back().of;
  }
  asked_.clear();
  search_.migrants.clear();
  sort_by_cost(members);
  sort_by_cost(migrants);
  rng random{derive_seed(search_.seed, search_.generation, learning)};
  if (!migrants.empty())
    replace_members(members, std::move(migrants), search_.replacement, random);
  search_.members.clear();
  for (const auto& member : members)
    search_.members.push_back(member.of);
  update(members, random);
  ++search_.generation;
}

void optimiser::inject(std::span<const genome> migrants,
                       migrant_replacement how) {
  SKERRY_ASSERT(asked_.empty());
  SKERRY_ASSERT(search_.migrants.size() + migrants.size() <= population() / 2);
  search_.replacement = how;
  search_.migrants.insert(search_.migrants.end(), migrants.begin(),
                          migrants.end());
}

const search_state& optimiser::search() const {
  SKERRY_ASSERT(asked_.empty());
  return search_;
}

double spread(const search_space& space, std::span<const candidate> members) {
  if (members.size() < 2)
    return 0;
  const auto count = static_cast<double>(members.size());
  double sum = 0;
  for (std::size_t gene = 0; gene < space.dimension(); ++gene) {
    double mean = 0;
    for (const auto& member : members)
      mean += member.genes[gene];
    mean /= count;
    double squares = 0;
    for (const auto& member : members)
      squares += (member.genes[gene] - mean) * (member.genes[gene] - mean);
    sum += std::sqrt(squares / count) / (space.upper[gene] - space.lower[gene]);
  }
  return sum / static_cast<double>(space.dimension());
}

result<> check_search_state(const search_space& space,
                            const search_state& state) {
  const auto wrong = [](std::string message) {
    return error{error_code::malformed,
                 fmt::format("optimiser state: {}", message)};
  };
  if (state.generation > 0)
    if (auto ok = check_genome(space, state.best.genes); !ok)
      return wrong("best: " + ok.failure().message);
  if (state.members.size() > max_population)
    return wrong(fmt::format("{} members, at most {} are allowed",
                             state.members.size(), max_population));
  for (const auto& member : state.members)
    if (auto ok = check_genome(space, member.genes); !ok)
      return wrong("member: " + ok.failure().message);
  for (const auto& migrant : state.migrants)
    if (auto ok = check_genome(space, migrant); !ok)
      return wrong("migrant: " + ok.failure().message);
  return done{};
}

} // namespace skerry
