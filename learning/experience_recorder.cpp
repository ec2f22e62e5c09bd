#include "learning/experience_recorder.hpp"

#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace skerry {

result<> validate(const experience_recorder_options& options) {
  const auto wrong = [](std::string_view what) {
    return error{error_code::invalid_argument,
                 fmt::format("experience: {}", what)};
  };
  if (options.steps == 0 || options.steps > max_steps)
    return wrong(fmt::format("{} steps are not within 1 and {}", options.steps,
                             max_steps));
  if (!(options.discount > 0 && options.discount <= 1))
    return wrong("the discount is not within 0 and 1");
  if (!(options.most_per_second >= 0))
    return wrong("decisions a second are below 0");
  if (options.in_a_row <= options.steps)
    return wrong("a row of decisions is not longer than the steps, so none "
                 "would reach its next state");
  return validate(options.weights);
}

experience_recorder::experience_recorder(
    const experience_recorder_options& options, const cluster& on,
    std::span<const task_shape> workload)
    : options_{options}, on_{&on}, states_{on}, features_{workload},
      random_{options.seed} {
  SKERRY_ASSERT(validate(options));
  powers_.resize(options.steps + std::size_t{1}, 1);
  for (std::size_t age = 1; age < powers_.size(); ++age)
    powers_[age] = powers_[age - 1] * options.discount;
}

void experience_recorder::learn_of(std::span<const task_shape> workload) {
  features_ = feature_extractor{workload};
}

bool experience_recorder::wants(std::int64_t now_ms) {
  if (options_.most_per_second == 0)
    return true;
  const auto most = static_cast<double>(options_.in_a_row);
  const auto passed = tokens_at_ms_ < 0
                          ? most * 1000 / options_.most_per_second
                          : static_cast<double>(now_ms - tokens_at_ms_);
  tokens_at_ms_ = now_ms;
  tokens_ = std::clamp(tokens_ + passed * options_.most_per_second / 1000, 0.0,
                       most);
  if (row_ == 0 && tokens_ >= most) {
    row_ = options_.in_a_row;
    tokens_ -= most;
  }
  if (row_ == 0) {
    cut(false);
    return false;
  }
  --row_;
  return true;
}

// -- decisions ----------------------------------------------------------------

void experience_recorder::decided(const decided_task& task, shape_id shape,
                                  const std::optional<placement>& chosen,
                                  std::span<const placement> advised,
                                  float propensity,
                                  std::uint64_t policy_version,
                                  std::int64_t now_ms) {
  const auto& what = on_->shape(shape);
  states_.follow();
  const auto state = states_.encode(what, task.facts);
  step_on(state);
  last_state_ = state;
  if (!chosen) {
    window_.push_back({});
    add_reward(total_reward(terms_of(task, what, nullptr), options_.weights));
    return;
  }
  const auto number = next_++;
  auto& open = open_[number];
  open.task = task.id;
  open.attempt = task.facts.attempt;
  open.target_seconds = task.target_seconds;
  auto& made = open.kept;
  made.state = state;
  made.of = class_of(what);
  made.propensity = propensity;
  made.policy_version = policy_version;
  made.decided_at_ms = now_ms;
  add_candidates(what, *chosen, advised, made);
  made.terms = terms_of(task, what, &made);
  by_task_[open.task] = number;
  window_.push_back({number});
  add_reward(total_reward(made.terms, options_.weights));
  ++figures_.recorded;
}

void experience_recorder::add_candidates(const compiled_shape& shape,
                                         const placement& chosen,
                                         std::span<const placement> advised,
                                         experience& to) {
  (void)features_.look_at(*on_); // The number is for caches of scores.
  taken_.clear();
  to.candidates.reserve(max_candidates);
  add_candidate(shape, chosen.node, chosen.devices, to);
  for (const auto& each : advised)
    add_candidate(shape, each.node, each.devices, to);
  for (std::size_t tried = 0; tried < options_.random_nodes; ++tried) {
    const auto node = static_cast<node_index>(random_.below(on_->size()));
    if (!on_->why_not(shape, node))
      add_candidate(shape, node, std::nullopt, to);
  }
}

/// @param devices Which way to share a GPU; any, if none are given.
void experience_recorder::add_candidate(const compiled_shape& shape,
                                        node_index node,
                                        std::optional<device_mask> devices,
                                        experience& to) {
  if (to.candidates.size() == max_candidates)
    return;
  std::optional<std::int32_t> wanted;
  if (devices && class_of(shape) == task_class::sharing) {
    const auto gpus = *devices & on_->class_of(node).gpus;
    const auto gpu = static_cast<std::size_t>(std::countr_zero(gpus));
    wanted = on_->devices(node)[gpu].free_milli
             - shape.requests[*shape.gpu_request].share_milli;
  }
  candidate_values found{};
  std::int32_t left = 0;
  std::uint64_t ways = 0;
  features_.for_each_way(
      *on_, shape, node, [&](const feature_values& values, std::int32_t milli) {
        ++ways;
        if (wanted ? milli != *wanted : ways > 1 && random_.below(ways) != 0)
          return;
        left = milli;
        std::ranges::transform(values, found.begin(), [](double value) {
          return static_cast<float>(value);
        });
      });
  const std::pair way{node, left};
  if (std::ranges::find(taken_, way) != taken_.end())
    return;
  taken_.push_back(way);
  to.candidates.push_back(found);
}

/// @param made With its candidates; none when no node could take the task.
reward_values experience_recorder::terms_of(const decided_task& task,
                                            const compiled_shape& shape,
                                            const experience* made) const {
  static const compiled_shape nothing;
  constexpr auto fall
      = static_cast<std::size_t>(placement_feature::fragmentation);
  return reward_of_decision(
      {.allocated_share
       = states_.allocated_share(made == nullptr ? nothing : shape),
       .fragmentation_gpus
       = made == nullptr ? 0 : -static_cast<double>(made->candidates[0][fall]),
       .wait_seconds = task.facts.wait_seconds,
       .attempt = task.facts.attempt,
       .refused = made == nullptr,
       .tenant_share = task.tenant_share,
       .tenants = task.tenants});
}

// -- steps --------------------------------------------------------------------

/// The state of the next decision is here.
void experience_recorder::step_on(const state_values& state) {
  for (auto& each : window_)
    ++each.age;
  if (window_.empty() || window_.front().age < options_.steps)
    return;
  if (const auto number = window_.front().number) {
    auto& open = open_.at(*number);
    open.kept.steps = options_.steps;
    open.kept.discount = static_cast<float>(powers_[options_.steps]);
    open.kept.next_state = state;
    has_stepped(*number);
  }
  window_.pop_front();
}

/// That of the last decision.
void experience_recorder::add_reward(double reward) {
  for (const auto& each : window_)
    if (each.number) {
      auto& open = open_.at(*each.number);
      open.reward_before = open.reward;
      open.reward += powers_[each.age] * reward;
    }
}

void experience_recorder::cut(bool terminal) {
  for (const auto& [number, age] : window_) {
    if (!number)
      continue;
    auto& open = open_.at(*number);
    if (!terminal && age == 0) { // Without a next state there is no experience.
      by_task_.erase(open.task);
      open_.erase(*number);
      --figures_.recorded;
      continue;
    }
    open.kept.terminal = terminal;
    open.kept.steps = terminal ? age + 1 : age;
    if (!terminal) {
      open.kept.discount = static_cast<float>(powers_[age]);
      open.kept.next_state = last_state_;
      open.reward = open.reward_before;
    }
    has_stepped(*number);
  }
  window_.clear();
}

void experience_recorder::has_stepped(std::uint64_t number) {
  auto& open = open_.at(number);
  open.stepped = true;
  if (open.kept.outcome)
    complete(number);
  else
    waiting_.emplace_back(open.kept.decided_at_ms, number);
}

// -- endings ------------------------------------------------------------------

void experience_recorder::ended(std::string_view id, std::uint32_t attempt,
                                const task_ending& how) {
  const auto known = by_task_.find(std::string{id});
  if (known == by_task_.end())
    return;
  const auto number = known->second;
  auto& open = open_.at(number);
  if (open.attempt != attempt)
    return;
  by_task_.erase(known);
  const auto terms = reward_of_ending({.wait_seconds = how.wait_seconds,
                                       .run_seconds = how.run_seconds,
                                       .target_seconds = open.target_seconds});
  for (std::size_t term = 0; term < reward_terms; ++term)
    open.kept.terms[term] += terms[term]; // 0 in one of both.
  const auto reward = total_reward(terms, options_.weights);
  open.reward += reward;
  open.reward_before += reward;
  open.kept.outcome = how;
  if (open.stepped)
    complete(number);
}

void experience_recorder::complete(std::uint64_t number) {
  auto& open = open_.at(number);
  if (const auto known = by_task_.find(open.task);
      known != by_task_.end() && known->second == number)
    by_task_.erase(known);
  if (open.kept.outcome)
    ++figures_.with_outcome;
  open.kept.reward
      = std::clamp(static_cast<float>(open.reward), -max_reward, max_reward);
  complete_.push_back(std::move(open.kept));
  open_.erase(number);
}

std::vector<experience> experience_recorder::take(std::int64_t now_ms) {
  while (!waiting_.empty()) {
    const auto [since, number] = waiting_.front();
    if (open_.contains(number)) {
      if (now_ms - since < options_.patience_ms
          && open_.size() <= options_.most_waiting)
        break;
      complete(number);
    }
    waiting_.pop_front();
  }
  return std::exchange(complete_, {});
}

experience_recorder::figures experience_recorder::measured() const {
  auto out = figures_;
  out.waiting = open_.size();
  return out;
}

} // namespace skerry
