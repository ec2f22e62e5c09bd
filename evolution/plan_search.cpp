#include "evolution/plan_search.hpp"

#include "evolution/deviates.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace skerry {
namespace {

/// Longest round: rounds stop growing, or the last one would never end.
constexpr std::uint64_t longest_round = 1'000'000'000;

/// Members with a threshold of their own; further ones begin again.
constexpr std::size_t ladder = 4;

/// A draw below a bound that is far below 2^32, without a division; its bias
/// is below 2^-32.
std::uint32_t fast_below(std::uint64_t bits, std::size_t bound) {
  return static_cast<std::uint32_t>(
      ((bits >> 32) * static_cast<std::uint64_t>(bound)) >> 32);
}

} // namespace

result<> validate(const plan_search_options& options) {
  const auto invalid = [](std::string message) {
    return error{error_code::invalid_argument, "plan search: " + message};
  };
  if (options.members < 1 || options.members > 256)
    return invalid(
        fmt::format("members are {}, must be 1 to 256", options.members));
  if (options.first_round < 1 || options.first_round > longest_round)
    return invalid(fmt::format("first_round is {}, must be 1 to {}",
                               options.first_round, longest_round));
  if (!(options.round_growth >= 1 && options.round_growth <= 10))
    return invalid(fmt::format("round_growth is {}, must be 1 to 10",
                               options.round_growth));
  if (!(options.threshold_growth >= 1 && options.threshold_growth <= 100))
    return invalid(fmt::format("threshold_growth is {}, must be 1 to 100",
                               options.threshold_growth));
  if (!(options.threshold >= 0 && options.threshold <= 10))
    return invalid(
        fmt::format("threshold is {}, must be 0 to 10", options.threshold));
  return done{};
}

plan_search::plan_search(const plan_search_options& options,
                         const plan_model& of,
                         std::span<const placement_plan> plans,
                         std::uint64_t seed)
    : plan_search{options, of} {
  SKERRY_ASSERT(validate(options));
  SKERRY_ASSERT(!plans.empty());
  seed_ = seed;
  for (const auto& plan : plans) {
    members_.emplace_back(of);
    members_.back().load(plan);
  }
  std::ranges::stable_sort(members_, {}, &plan_state::cost);
  best_ = members_.front().plan();
  best_cost_ = members_.front().cost();
  for (std::size_t i = 0; members_.size() < options.members; ++i)
    members_.push_back(plan_state{members_[i]});
  members_.resize(options.members, members_.front());
}

result<plan_search> plan_search::restore(const plan_search_options& options,
                                         const plan_model& of,
                                         const plan_search_state& state) {
  const auto fits = [&](const placement_plan& plan) {
    return plan.size() == of.tasks()
           && std::ranges::all_of(plan, [&](const planned_task& task) {
                return task.node == no_node || index_of(task.node) < of.nodes();
              });
  };
  if (state.members.size() != options.members || !fits(state.best)
      || !std::ranges::all_of(state.members, fits))
    return {error_code::malformed,
            fmt::format("plan search state: no {} plans for {} tasks",
                        options.members, of.tasks())};
  plan_search out{options, of};
  out.seed_ = state.seed;
  out.slice_ = state.slice;
  out.evaluations_ = state.evaluations;
  out.round_ = state.round;
  out.tried_ = state.tried;
  for (const auto& plan : state.members) {
    out.members_.emplace_back(of);
    out.members_.back().load(plan);
  }
  plan_state best{of};
  best.load(state.best);
  out.best_ = state.best;
  out.best_cost_ = best.cost();
  return out;
}

std::uint64_t plan_search::round_length() const {
  auto length = static_cast<double>(options_.first_round);
  for (std::uint64_t round = 0;
       round < round_ && length < static_cast<double>(longest_round); ++round)
    length *= options_.round_growth;
  return std::min(longest_round, static_cast<std::uint64_t>(length));
}

void plan_search::run(std::uint64_t evaluations) {
  if (of_->movable().empty())
    return;
  auto left = evaluations / members_.size();
  while (left > 0) {
    const auto length = round_length();
    const auto count = std::min(left, length - tried_);
    for (std::size_t member = 0; member < members_.size(); ++member) {
      rng random{derive_seed(seed_, slice_, member)};
      try_moves(member, tried_, count, random);
      members_[member].settle();
      remember(members_[member]);
    }
    evaluations_ += count * members_.size();
    ++slice_;
    tried_ += count;
    left -= count;
    if (tried_ == length)
      end_round();
  }
}

void plan_search::try_moves(std::size_t number, std::uint64_t from,
                            std::uint64_t count, rng& random) {
  auto& member = members_[number];
  const auto movable = of_->movable();
  auto threshold = options_.threshold;
  for (std::size_t below = 0; below < number % ladder; ++below)
    threshold *= options_.threshold_growth;
  const auto step = threshold / static_cast<double>(round_length());
  for (std::uint64_t i = from; i < from + count; ++i) {
    const auto bits = random.bits();
    const auto task = movable[fast_below(bits, movable.size())];
    const auto targets = of_->targets(task);
    // The low bits are not those that chose the task.
    const auto rest = bits << 32;
    std::uint32_t to = 0;
    if (bits % 2 == 0)
      to = member.node(movable[fast_below(rest, movable.size())]);
    else if (const auto at = fast_below(rest, targets.size() + 1);
             at < targets.size())
      to = targets[at];
    else
      to = static_cast<std::uint32_t>(of_->nodes());
    const auto change = member.change(task, to);
    const auto allowed = threshold - step * static_cast<double>(i);
    if (change > allowed)
      continue;
    member.move(task, to, change);
  }
}

void plan_search::remember(const plan_state& member) {
  if (member.cost() >= best_cost_)
    return;
  best_ = member.plan();
  best_cost_ = member.cost();
}

void plan_search::end_round() {
  std::ranges::stable_sort(members_, {}, &plan_state::cost);
  for (auto i = (members_.size() + 1) / 2; i < members_.size(); ++i)
    members_[i].load(best_);
  ++round_;
  tried_ = 0;
}

bool plan_search::accept(const placement_plan& plan) {
  plan_state arrived{*of_};
  arrived.load(plan);
  auto& worst = *std::ranges::max_element(members_, {}, &plan_state::cost);
  if (arrived.cost() >= worst.cost())
    return false;
  remember(arrived);
  worst = std::move(arrived);
  return true;
}

plan_search_state plan_search::state() const {
  plan_search_state out;
  out.seed = seed_;
  out.slice = slice_;
  out.evaluations = evaluations_;
  out.round = round_;
  out.tried = tried_;
  out.best = best_;
  for (const auto& member : members_)
    out.members.push_back(member.plan());
  return out;
}

} // namespace skerry
