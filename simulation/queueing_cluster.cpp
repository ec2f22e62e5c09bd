#include "simulation/queueing_cluster.hpp"

#include "simulation/device_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace skerry {
namespace {

/// The ledger refuses nothing that the policy proposes on its own cluster, so
/// what it refuses here is our own mistake.
template <class T>
T expect(result<T> answer) {
  return std::move(answer.value());
}

std::string ledger_id(std::uint32_t task) {
  return fmt::format("{}", task);
}

bool looks_at_others(const task_shape& shape) {
  return !shape.affinity.empty() || !shape.anti_affinity.empty()
         || shape.spread.has_value();
}

} // namespace

metered_amounts metered_of(std::span<const node_spec> nodes) {
  metered_amounts sum{};
  for (const auto& node : nodes) {
    const auto amounts = metered_of(node);
    for (std::size_t kind = 0; kind < metered_kinds; ++kind)
      sum[kind] += amounts[kind];
  }
  return sum;
}

queueing_cluster::queueing_cluster(const queueing_workload& workload,
                                   clock_ns now, experience_tap* tap)
    : workload_{workload}, ledger_{1},
      meter_{workload.classes, workload.measured_from_milliseconds,
             workload.end_milliseconds},
      watch_{std::move(now)}, tap_{tap}, tasks_(workload.arrivals.size()),
      outcomes_(workload.arrivals.size()) {}

result<> queueing_cluster::check() const {
  for (const auto& [profile, task_class] : workload_.profiles) {
    if (looks_at_others(profile.shape))
      return {error_code::invalid_argument,
              "tasks with affinity or spread are not simulated here"};
    if (task_class >= workload_.classes)
      return {error_code::invalid_argument,
              fmt::format("there is no class {}", task_class)};
  }
  std::int64_t before = 0;
  for (std::size_t i = 0; i < workload_.arrivals.size(); ++i) {
    const auto& [time, run, profile] = workload_.arrivals[i];
    if (time < before || run < 1 || profile >= workload_.profiles.size())
      return {error_code::invalid_argument,
              fmt::format("arrival {} (at {} ms for {} ms, profile {}) is not "
                          "in order, does not run, or has no profile",
                          i, time, run, profile)};
    before = time;
  }
  return done{};
}

result<> queueing_cluster::prepare(const policy_choice& policy,
                                   std::uint64_t seed,
                                   placement_search search) {
  if (auto ok = check(); !ok)
    return ok;
  for (const auto& node : workload_.nodes)
    if (auto ok = ledger_.register_node(node, 1); !ok)
      return ok.failure();
  for (const auto& entry : workload_.profiles) {
    auto profile = ledger_.intern(entry.profile);
    if (!profile)
      return profile.failure();
    profiles_.push_back(*profile);
    amounts_.push_back(metered_of(entry.profile.shape));
  }
  waiting_.resize(ledger_.nodes().shapes().size());
  auto made = make_policy(
      policy, ledger_.nodes(),
      {.workload = workload_.history, .seed = seed, .search = search});
  if (!made)
    return made.failure();
  policy_ = std::move(*made);
  if (tap_ != nullptr)
    tap_->begin(ledger_, policy, workload_.history);
  watch_.start();
  return done{};
}

result<> queueing_cluster::change_policy(const policy_choice& policy,
                                         std::span<const task_shape> history,
                                         std::uint64_t seed) {
  auto made = make_policy(policy, ledger_.nodes(),
                          {.workload = history, .seed = seed});
  if (!made)
    return made.failure();
  policy_ = *std::move(made);
  return done{};
}

bool queueing_cluster::step() {
  const auto end = workload_.end_milliseconds;
  const auto arrival = next_arrival_ < workload_.arrivals.size()
                           ? workload_.arrivals[next_arrival_].time_milliseconds
                           : end;
  if (!departures_.empty() && departures_.top().time <= arrival) {
    if (departures_.top().time >= end)
      return false;
    const auto next = departures_.pop();
    now_ = next.time;
    depart(next.what);
    return true;
  }
  if (arrival >= end)
    return false;
  now_ = arrival;
  arrive(next_arrival_++);
  return true;
}

void queueing_cluster::arrive(std::uint32_t task) {
  const auto profile = workload_.arrivals[task].profile;
  const auto task_class = workload_.profiles[profile].task_class;
  const auto submitted = ledger_.submit(ledger_id(task), profiles_[profile]);
  if (!submitted) {
    SKERRY_ASSERT(submitted.failure().code == error_code::infeasible);
    meter_.refused(task_class);
    return;
  }
  tasks_[task] = *submitted;
  meter_.arrived(task_class, amounts_[profile], now_);
  const auto id = ledger_.profile(profiles_[profile]).shape;
  auto& waiting = waiting_[index_of(id)];
  if (waiting.empty() && try_start(task))
    return;
  if (waiting.empty())
    waiting_shapes_.push_back(id);
  waiting.push_back(task);
}

void queueing_cluster::depart(std::uint32_t task) {
  const auto profile = workload_.arrivals[task].profile;
  expect(ledger_.finish(tasks_[task]));
  meter_.finished(workload_.profiles[profile].task_class, amounts_[profile],
                  now_);
  if (tap_ != nullptr)
    tap_->ended(ledger_id(task),
                outcomes_[task].start_milliseconds
                    - workload_.arrivals[task].time_milliseconds,
                workload_.arrivals[task].run_milliseconds);
  retry_on(outcomes_[task].node);
}

void queueing_cluster::retry_on(node_index node) {
  const auto fits
      = [&](shape_id id) { return !ledger_.nodes().why_not(shape(id), node); };
  fitting_.clear();
  std::ranges::copy_if(waiting_shapes_, std::back_inserter(fitting_), fits);
  while (!fitting_.empty()) {
    // Positions are in order of arrival.
    const auto first = std::ranges::min_element(fitting_, {}, [this](auto id) {
      return waiting_[index_of(id)].front();
    });
    const auto id = *first;
    auto& waiting = waiting_[index_of(id)];
    if (!fits(id) || !try_start(waiting.front())) {
      fitting_.erase(first);
      continue;
    }
    waiting.pop_front();
    if (waiting.empty()) {
      fitting_.erase(first);
      std::erase(waiting_shapes_, id);
    }
  }
}

bool queueing_cluster::try_start(std::uint32_t task) {
  const auto& [arrival, run, profile] = workload_.arrivals[task];
  watch_.begin_lap();
  const auto chosen
      = policy_->choose(ledger_.profile(profiles_[profile]).shape);
  if (tap_ != nullptr)
    tap_->decided(ledger_id(task), profiles_[profile], chosen, now_ - arrival,
                  now_);
  if (chosen) {
    expect(ledger_.place(tasks_[task], chosen->node, chosen->devices));
    expect(ledger_.start(tasks_[task]));
  }
  watch_.end_lap();
  if (!chosen)
    return false;
  outcomes_[task] = {now_, chosen->node, chosen->devices};
  departures_.push(now_ + run, task);
  meter_.started(workload_.profiles[profile].task_class, amounts_[profile],
                 arrival, run, now_);
  return true;
}

queueing_report queueing_cluster::report() {
  queueing_report out;
  out.decision_times = watch_.stop();
  if (tap_ != nullptr)
    tap_->finish();
  for (const auto id : waiting_shapes_)
    for (const auto task : waiting_[index_of(id)]) {
      const auto& [arrival, run, profile] = workload_.arrivals[task];
      meter_.still_pending(workload_.profiles[profile].task_class, arrival,
                           run);
    }
  for (std::size_t task_class = 0; task_class < workload_.classes; ++task_class)
    out.classes.push_back(meter_.of_class(task_class));
  out.all = meter_.of_all();
  out.capacity = metered_of(workload_.nodes);
  out.outcomes = std::move(outcomes_);
  return out;
}

result<queueing_report> run_queueing_cluster(const queueing_workload& workload,
                                             const policy_choice& policy,
                                             std::uint64_t seed,
                                             placement_search search,
                                             clock_ns now,
                                             experience_tap* tap) {
  queueing_cluster run{workload, std::move(now), tap};
  if (auto ok = run.prepare(policy, seed, search); !ok)
    return ok.failure();
  while (run.step()) {
  }
  return run.report();
}

std::string outcomes_csv(const queueing_workload& workload,
                         const queueing_report& report) {
  std::string out = "arrival,arrival_ms,start_ms,node,devices\n";
  for (std::size_t task = 0; task < report.outcomes.size(); ++task) {
    const auto& [start, node, devices] = report.outcomes[task];
    fmt::format_to(std::back_inserter(out), "{},{},", task,
                   workload.arrivals[task].time_milliseconds);
    if (node == no_node) {
      out += ",,\n";
      continue;
    }
    fmt::format_to(std::back_inserter(out), "{},{},{}\n", start,
                   workload.nodes[index_of(node)].name, device_list(devices));
  }
  return out;
}

} // namespace skerry
