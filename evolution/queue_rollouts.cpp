#include "evolution/queue_rollouts.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

namespace skerry {
namespace {

/// Chooses a given head, then the waiting job that `lowest` finds.
/// @tparam Lowest `std::uint32_t (queue_machine&, span of waiting jobs)`.
template <class Lowest>
struct first_then {
  std::uint32_t first;
  Lowest lowest;
  bool asked = false;

  static void arrived(std::uint32_t /*job*/) {}
  std::uint32_t choose(queue_machine& machine) {
    if (!std::exchange(asked, true))
      return first;
    const auto waiting = machine.waiting();
    return waiting.size() == 1 ? waiting.front() : lowest(machine, waiting);
  }
  static void ended(std::uint32_t /*job*/) {}
  static void started(std::uint32_t /*job*/, std::int64_t /*now_seconds*/) {}
};
template <class Lowest>
first_then(std::uint32_t, Lowest) -> first_then<Lowest>;

using waiting_jobs = std::span<const std::uint32_t>;

} // namespace

void queue_rollouts::reset(const queue_state& state, const queue_record& record,
                           rng& random) {
  state_ = state;
  record_ = &record;
  random_ = &random;
  drawn_ = 0;
}

std::vector<std::uint32_t> queue_rollouts::sorted(std::size_t rule) const {
  free_forecast forecast;
  forecast.reset(state_);
  std::vector<double> keys;
  for (const auto& job : state_.waiting)
    keys.push_back(key_of(rules_[rule], job, state_, forecast));
  std::vector<std::uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(
      order, {}, [&keys](std::uint32_t position) { return keys[position]; });
  return order;
}

void queue_rollouts::draw_running(future& into) {
  into.running.clear();
  for (const auto& [job, start_seconds] : state_.running) {
    const auto elapsed = state_.now_seconds - start_seconds;
    const auto run = record_->run_times().draw(job, elapsed, *random_);
    into.running.push_back({start_seconds + job.requested_seconds,
                            std::max(start_seconds + run, state_.now_seconds),
                            job.processors});
  }
}

queue_rollouts::future& queue_rollouts::draw(std::size_t number) {
  for (; drawn_ <= number; ++drawn_) {
    if (drawn_ == futures_.size())
      futures_.emplace_back();
    auto& into = futures_[drawn_];
    into.jobs.clear();
    for (const auto& job : state_.waiting)
      into.jobs.push_back({job.submit_seconds, job.requested_seconds,
                           record_->run_times().draw(job, 0, *random_),
                           job.processors});
    record_->cut_future(state_.now_seconds, arrivals_, into.jobs, *random_);
    draw_running(into);
    into.queued.clear();
    for (const auto& [submit, requested, run, processors] : into.jobs)
      into.queued.push_back({static_cast<std::int64_t>(into.queued.size()),
                             submit, requested, processors});
    into.known.assign(rules_.size(), {});
  }
  return futures_[number];
}

double queue_rollouts::play(std::size_t rule, std::uint32_t head,
                            std::size_t number) {
  auto& in = draw(number);
  auto& known = in.known[rule];
  if (const auto* weights = std::get_if<queue_weights>(&rules_[rule]))
    return play_weights(*weights, head, in, known);
  return play_order(std::get<queue_order>(rules_[rule]), head, in, known);
}

machine_start queue_rollouts::start_of(const future& in) const {
  return {state_.now_seconds, state_.free_processors, in.running,
          state_.waiting.size()};
}

double queue_rollouts::play_weights(const queue_weights& weights,
                                    std::uint32_t head, future& in,
                                    known_jobs& known) {
  const queue_scorer scorer{weights, state_.processors};
  if (known.scored.empty())
    for (const auto& job : in.queued)
      known.scored.push_back(scorer.prepare(job));
  first_then chooser{
      head, [&](queue_machine& machine, waiting_jobs waiting) {
        forecast_.reset(machine.now_seconds(), machine.free_processors(),
                        machine.claims());
        const auto place = scorer.lowest(
            {machine.now_seconds(), machine.free_processors(), waiting.size()},
            forecast_, [&](std::size_t i) -> const scored_job& {
              return known.scored[waiting[i]];
            });
        return waiting[place];
      }};
  return machine_.play(start_of(in), in.jobs, chooser);
}

double queue_rollouts::play_order(queue_order order, std::uint32_t head,
                                  future& in, known_jobs& known) {
  const auto ages = changes_with_time(order);
  if (!ages && known.keys.empty())
    for (const auto& job : in.queued)
      known.keys.push_back(priority(order, job, job.submit_seconds));
  first_then chooser{head, [&](queue_machine& machine, waiting_jobs waiting) {
                       const auto key = [&](std::uint32_t job) {
                         return ages ? priority(order, in.queued[job],
                                                machine.now_seconds())
                                     : known.keys[job];
                       };
                       return *std::ranges::min_element(waiting, {}, key);
                     }};
  return machine_.play(start_of(in), in.jobs, chooser);
}

} // namespace skerry
