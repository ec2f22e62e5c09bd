#include "evolution/queue_plan.hpp"

#include <algorithm>
#include <numeric>

namespace skerry {

void plan_evaluator::by_key::arrived(std::uint32_t job) {
  const auto begin = order.begin() + static_cast<std::ptrdiff_t>(front);
  const auto place = std::upper_bound(
      begin, order.end(), keys[job],
      [this](double key, std::uint32_t other) { return key < keys[other]; });
  order.insert(place, job);
}

std::uint32_t plan_evaluator::by_key::choose(const queue_machine& machine) {
  while (machine.has_started(order[front]))
    ++front;
  return order[front++];
}

void plan_evaluator::reset(const queue_state& state, const queue_record& record,
                           rng& random) {
  forecast_.reset(state);
  start_ = {state.now_seconds, state.free_processors, {}, state.waiting.size()};
  waiting_keys_.resize(rules_.size());
  sorted_keys_.resize(rules_.size());
  for (std::size_t rule = 0; rule < rules_.size(); ++rule) {
    waiting_keys_[rule].clear();
    for (const auto& job : state.waiting)
      waiting_keys_[rule].push_back(
          key_of(rules_[rule], job, state, forecast_));
    sorted_keys_[rule] = waiting_keys_[rule];
    std::ranges::sort(sorted_keys_[rule]);
  }

  futures_.resize(options_.futures);
  for (auto& [jobs, running, arrival_keys] : futures_) {
    jobs.clear();
    for (const auto& job : state.waiting)
      jobs.push_back({job.submit_seconds, job.requested_seconds,
                      record.run_times().draw(job, 0, random), job.processors});
    running.clear();
    for (const auto& [job, start_seconds] : state.running) {
      const auto elapsed = state.now_seconds - start_seconds;
      running.push_back(
          {start_seconds + job.requested_seconds,
           std::max(start_seconds
                        + record.run_times().draw(job, elapsed, random),
                    state.now_seconds),
           job.processors});
    }
    record.cut_future(state.now_seconds, options_.arrivals, jobs, random);
    arrival_keys.resize(rules_.size());
    for (std::size_t rule = 0; rule < rules_.size(); ++rule) {
      arrival_keys[rule].clear();
      for (std::size_t i = state.waiting.size(); i < jobs.size(); ++i) {
        auto then = state;
        then.now_seconds = jobs[i].submit_seconds;
        arrival_keys[rule].push_back(
            key_of(rules_[rule],
                   {static_cast<std::int64_t>(i), jobs[i].submit_seconds,
                    jobs[i].requested_seconds, jobs[i].processors},
                   then, forecast_));
      }
    }
  }
}

queue_plan plan_evaluator::plan_of_rule(std::size_t rule) const {
  queue_plan plan{.order = std::vector<std::uint32_t>(start_.waiting),
                  .rule = rule};
  std::iota(plan.order.begin(), plan.order.end(), 0U);
  std::ranges::stable_sort(plan.order, {}, [&](std::uint32_t position) {
    return waiting_keys_[rule][position];
  });
  return plan;
}

void plan_evaluator::evaluate(queue_plan& plan, double bound) {
  double cost = 0;
  for (const auto& [jobs, running, arrival_keys] : futures_) {
    chooser_.keys.resize(jobs.size());
    for (std::size_t i = 0; i < plan.order.size(); ++i)
      chooser_.keys[plan.order[i]] = sorted_keys_[plan.rule][i];
    std::ranges::copy(arrival_keys[plan.rule],
                      chooser_.keys.begin()
                          + static_cast<std::ptrdiff_t>(plan.order.size()));
    chooser_.order = plan.order;
    chooser_.front = 0;
    start_.running = running;
    cost += machine_.play(start_, jobs, chooser_, bound - cost);
    if (cost > bound) {
      plan.cost = std::numeric_limits<double>::infinity();
      return;
    }
  }
  plan.cost = cost;
}

} // namespace skerry
