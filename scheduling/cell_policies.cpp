#include "scheduling/cell_policies.hpp"

#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <bit>
#include <utility>

namespace skerry {
namespace {

/// What decides when nothing else may: it fits mixed clusters and has no
/// weights that could be wrong.
constexpr std::string_view last_resort = "best-fit-all";

bool same(const policy_choice& a, const policy_choice& b) {
  if (a.name != b.name || a.maker != b.maker || !a.weights != !b.weights)
    return false;
  return !a.weights || *a.weights == *b.weights;
}

} // namespace

std::string fault_of(const placement& proposed, const compiled_shape& shape,
                     const cluster& on) {
  if (index_of(proposed.node) >= on.size())
    return fmt::format("there is no node {}", index_of(proposed.node));
  if (on.why_not(shape, proposed.node))
    return fmt::format("the task does not fit on {}", on.name(proposed.node));
  device_mask allowed = 0;
  std::int64_t wanted = 0;
  for (std::size_t i = 0; i < shape.requests.size(); ++i) {
    allowed |= on.available(shape, i, proposed.node);
    wanted += shape.requests[i].count;
  }
  if ((proposed.devices & ~allowed) != 0
      || std::popcount(proposed.devices) != wanted)
    return fmt::format("not the devices of {} that the task needs",
                       on.name(proposed.node));
  return {};
}

result<std::unique_ptr<cell_policies>>
cell_policies::make(policy_ruling ruling, const cluster& on, std::uint64_t seed,
                    std::span<const task_shape> workload, choice_maker maker) {
  std::unique_ptr<cell_policies> out{
      new cell_policies{on, seed, std::move(maker)}};
  if (auto ok = out->rule(std::move(ruling), workload); !ok)
    return ok.failure();
  return out;
}

result<cell_policies::policy_ptr>
cell_policies::made(const policy_choice& which,
                    std::span<const task_shape> workload) const {
  const policy_context context{.workload = workload, .seed = seed_};
  return maker_ ? maker_(which, *on_, context)
                : make_policy(which, *on_, context);
}

result<> cell_policies::rule(policy_ruling ruling,
                             std::span<const task_shape> workload) {
  policy_ptr canary;
  if (ruling.canary) {
    auto next = made(*ruling.canary, workload);
    if (!next)
      return next.failure();
    canary = *std::move(next);
  }
  if (canary_ && same(ruling.active, *ruling_.canary)) {
    active_ = std::move(canary_);
  } else if (!active_ || !same(ruling.active, ruling_.active)) {
    auto next = made(ruling.active, workload);
    if (!next)
      return next.failure();
    active_ = *std::move(next);
  }
  canary_ = std::move(canary);
  ruling_ = std::move(ruling);
  canary_due_ = 0;
  return done{};
}

bool cell_policies::wants_workload() const {
  return skerry::wants_workload(ruling_.active)
         || (ruling_.canary && skerry::wants_workload(*ruling_.canary));
}

void cell_policies::learn(std::span<const task_shape> workload) {
  const auto again = [&](const policy_choice& which, policy_ptr& policy) {
    if (!skerry::wants_workload(which))
      return;
    auto next = made(which, workload);
    SKERRY_ASSERT(next); // It was made before.
    policy = *std::move(next);
  };
  again(ruling_.active, active_);
  if (ruling_.canary)
    again(*ruling_.canary, canary_);
}

std::optional<cell_policies::choice> cell_policies::choose(shape_id shape,
                                                           bool counts) {
  bool by_canary = false;
  if (canary_ && counts) {
    canary_due_ += ruling_.canary_share;
    by_canary = canary_due_ >= 1;
    if (by_canary)
      canary_due_ -= 1;
  }
  auto& by = by_canary ? *canary_ : *active_;
  const auto chosen = by.choose(shape);
  if (!chosen)
    return std::nullopt;
  if (auto reason = fault_of(*chosen, on_->shape(shape), *on_); !reason.empty())
    return instead(shape, by_canary, std::move(reason));
  return choice{*chosen, by.name()};
}

/// Without the policy that has proposed what cannot be.
std::optional<cell_policies::choice>
cell_policies::instead(shape_id shape, bool by_canary, std::string reason) {
  const auto& who = by_canary ? *ruling_.canary : ruling_.active;
  fault_ = {who.name, fmt::format("an invalid proposal: {}", reason)};
  if (by_canary) {
    canary_.reset();
    ruling_.canary.reset();
  } else {
    ruling_.active = policy_choice{last_resort};
    active_ = std::move(made(ruling_.active, {}).value());
  }
  const auto chosen = active_->choose(shape);
  if (!chosen)
    return std::nullopt;
  return choice{*chosen, active_->name()};
}

score_t cell_policies::fit(shape_id shape, node_index node) {
  score_t out = 0;
  (void)common_.basis(*on_); // Lets it see a changed cluster.
  common_.score(*on_, on_->shape(shape), {&node, 1}, {&out, 1});
  return out;
}

std::optional<policy_fault> cell_policies::take_fault() {
  return std::exchange(fault_, std::nullopt);
}

} // namespace skerry
