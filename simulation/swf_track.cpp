#include "simulation/swf_track.hpp"

#include "scheduling/slowdown.hpp"
#include "simulation/batch_machine.hpp"
#include "simulation/event_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace skerry {
namespace {

/// @param number Position in the log.
queued_job as_queued(const swf_job& job, std::int64_t number) {
  return {number, job.submit_seconds, job.requested_seconds, job.processors};
}

/// One window, from its first submission until its last job has ended.
class window_run {
public:
  /// @param log    No job of the window is wider than the machine.
  /// @param policy Has seen nothing of the window.
  window_run(std::span<const swf_job> log, const swf_window& window,
             const swf_options& options, queue_policy& policy)
      : jobs_{log.subspan(window.first, window.length)},
        first_{static_cast<std::int64_t>(window.first)}, options_{options},
        policy_{policy}, machine_{options.processors, jobs_.size()},
        starts_(jobs_.size()) {}

  void run() {
    // All arrivals first, so that they precede completions of their second.
    for (std::uint32_t job = 0; job < jobs_.size(); ++job)
      events_.push(jobs_[job].submit_seconds, {event_kind::arrival, job});
    while (!events_.empty()) {
      const auto next = events_.pop();
      const auto [kind, job] = next.what;
      now_ = next.time;
      if (kind == event_kind::arrival)
        submit(job);
      else
        finish(job);
      act();
    }
    SKERRY_ASSERT(order_of_start_.size() == jobs_.size());
  }

  std::int64_t start_of(std::size_t job) const { return starts_[job]; }
  /// Positions of the jobs as they started.
  const std::vector<std::uint32_t>& order_of_start() const {
    return order_of_start_;
  }
  std::int64_t end_seconds() const { return now_; }

private:
  enum class event_kind : std::uint8_t { arrival, completion };
  struct happening {
    event_kind kind;
    std::uint32_t job;
  };

  /// In the window. Policies know a job by its position in the log.
  std::uint32_t position_of(const queued_job& job) const {
    return static_cast<std::uint32_t>(job.number - first_);
  }

  void submit(std::uint32_t job) {
    machine_.submit(job, jobs_[job].processors);
    waiting_.push_back(as_queued(jobs_[job], first_ + job));
    policy_.submitted(waiting_.back());
  }

  void finish(std::uint32_t job) {
    machine_.finish(job);
    const auto ended
        = std::ranges::find(running_, first_ + job, [](const auto& running) {
            return running.job.number;
          });
    policy_.ended(ended->job, jobs_[job].run_seconds);
    running_.erase(ended);
  }

  /// Starts heads while they fit, then backfills behind the one that does not.
  void act() {
    while (head_ || !waiting_.empty()) {
      if (!head_)
        choose_head();
      if (!machine_.fits(head_->processors)) {
        if (options_.backfill == backfilling::easy)
          backfill();
        return;
      }
      start(*head_);
      head_.reset();
    }
  }

  void choose_head() {
    const auto chosen
        = policy_.choose({now_, options_.processors, machine_.free_processors(),
                          waiting_, running_});
    SKERRY_ASSERT(chosen < waiting_.size());
    const auto place = waiting_.begin() + static_cast<std::ptrdiff_t>(chosen);
    head_ = *place;
    waiting_.erase(place);
    shadow_seconds_.reset();
  }

  void backfill() {
    if (!shadow_seconds_)
      shadow_seconds_ = shadow_of_head();
    std::erase_if(waiting_, [this](const queued_job& job) {
      const bool starts
          = machine_.fits(job.processors)
            && ends_before(now_, job.requested_seconds, *shadow_seconds_);
      if (starts)
        start(job);
      return starts;
    });
  }

  std::int64_t shadow_of_head() const {
    std::vector<processor_claim> claims;
    claims.reserve(running_.size());
    for (const auto& [job, start_seconds] : running_)
      claims.push_back({start_seconds + job.requested_seconds, job.processors});
    const auto shadow = earliest_start(now_, machine_.free_processors(),
                                       head_->processors, std::move(claims));
    return shadow.value(); // No job is wider than the machine.
  }

  void start(const queued_job& started) {
    const auto job = position_of(started);
    machine_.start(job);
    starts_[job] = now_;
    order_of_start_.push_back(job);
    running_.push_back({started, now_});
    events_.push(now_ + jobs_[job].run_seconds, {event_kind::completion, job});
  }

  std::span<const swf_job> jobs_;
  std::int64_t first_; ///< Position of the window in the log.
  const swf_options& options_;
  queue_policy& policy_;
  batch_machine machine_;
  event_queue<happening> events_;
  std::vector<queued_job> waiting_; ///< In order of submission.
  std::vector<running_job> running_;
  std::optional<queued_job> head_;             ///< Chosen, not started.
  std::optional<std::int64_t> shadow_seconds_; ///< Of this head.
  std::int64_t now_ = 0;
  std::vector<std::int64_t> starts_;
  std::vector<std::uint32_t> order_of_start_;
};

result<> check_options(std::span<const swf_job> log,
                       const swf_options& options) {
  std::string faults;
  const auto complain = [&](std::string fault) {
    faults += (faults.empty() ? "" : "; ") + std::move(fault);
  };
  if (options.processors < 1 || options.processors > max_swf_processors)
    complain(fmt::format("the machine has {} processors (want 1 to {})",
                         options.processors, max_swf_processors));
  if (log.empty())
    complain("the log has no job");
  for (const auto& [first, length] : options.windows)
    if (length == 0)
      complain(fmt::format("the window {}:0 has no job", first));
    else if (first >= log.size() || length > log.size() - first)
      complain(fmt::format("the window {}:{} ends behind the last of {} jobs",
                           first, length, log.size()));
  if (faults.empty())
    return done{};
  return {error_code::invalid_argument, std::move(faults)};
}

result<> check_widths(std::span<const swf_job> jobs, std::int64_t processors) {
  for (const auto& job : jobs)
    if (job.processors > processors)
      return {error_code::infeasible,
              fmt::format("job {} wants {} processors, the machine has {}",
                          job.number, job.processors, processors)};
  return done{};
}

/// Sums for the utilisation. Doubles: a product of the limits leaves int64.
struct usage {
  double processor_seconds = 0;
  double seconds = 0;
};

queue_planner_options planner_options_of(const swf_options& options) {
  auto planner = std::get<queue_planner_options>(options.policy);
  planner.processors = options.processors;
  planner.backfill = options.backfill;
  return planner;
}

result<> check_policy(const swf_options& options) {
  if (const auto* weights = std::get_if<queue_weights>(&options.policy))
    return validate(*weights);
  if (std::holds_alternative<queue_planner_options>(options.policy))
    return validate(planner_options_of(options));
  return done{};
}

/// A planner that remembers the log before the window.
std::unique_ptr<queue_planner> planner_for(std::span<const swf_job> log,
                                           const swf_window& window,
                                           const swf_options& options) {
  auto planning = planner_options_of(options);
  planning.seed += window.first; // Windows are independent runs.
  auto planner = std::make_unique<queue_planner>(std::move(planning));
  for (std::size_t i = 0; i < window.first; ++i)
    planner->remember(
        {as_queued(log[i], static_cast<std::int64_t>(i)), log[i].run_seconds});
  return planner;
}

std::unique_ptr<queue_policy> policy_for(std::span<const swf_job> log,
                                         const swf_window& window,
                                         const swf_options& options) {
  if (const auto* order = std::get_if<queue_order>(&options.policy))
    return policy_of(*order);
  if (const auto* weights = std::get_if<queue_weights>(&options.policy))
    return policy_of(*weights);
  return planner_for(log, window, options);
}

void add(const queue_planner_report& of, queue_planner_report& into) {
  into.decisions += of.decisions;
  into.by_plan += of.by_plan;
  into.overruled += of.overruled;
  into.plays += of.plays;
  into.trials += of.trials;
  into.trials_won += of.trials_won;
}

double measure(std::span<const swf_job> jobs, const window_run& run,
               usage& used) {
  double sum = 0;
  for (std::size_t job = 0; job < jobs.size(); ++job) {
    const auto& [number, submit, run_seconds, processors, requested]
        = jobs[job];
    sum += bounded_slowdown(run.start_of(job) - submit, run_seconds);
    used.processor_seconds
        += static_cast<double>(run_seconds) * static_cast<double>(processors);
  }
  used.seconds
      += static_cast<double>(run.end_seconds() - jobs.front().submit_seconds);
  return sum / static_cast<double>(jobs.size());
}

} // namespace

result<swf_report> run_swf_track(std::span<const swf_job> log,
                                 const swf_options& options) {
  if (auto ok = check_options(log, options); !ok)
    return ok.failure();
  if (auto ok = check_policy(options); !ok)
    return ok.failure();
  auto windows = options.windows;
  if (windows.empty())
    windows.push_back({0, log.size()});
  for (const auto& [first, length] : windows)
    if (auto ok = check_widths(log.subspan(first, length), options.processors);
        !ok)
      return ok.failure();

  swf_report report;
  usage used;
  for (const auto& each : windows) {
    const auto jobs = log.subspan(each.first, each.length);
    const auto policy = policy_for(log, each, options);
    window_run run{log, each, options, *policy};
    run.run();
    if (const auto* planner = dynamic_cast<queue_planner*>(policy.get()))
      add(planner->report(), report.planner);
    const auto window = static_cast<std::uint32_t>(report.per_window.size());
    for (const auto job : run.order_of_start())
      report.schedule.push_back({window, jobs[job].number, run.start_of(job)});
    report.per_window.push_back(measure(jobs, run, used));
    report.average_bounded_slowdown += report.per_window.back();
  }
  report.average_bounded_slowdown /= static_cast<double>(windows.size());
  report.utilisation
      = used.processor_seconds
        / (used.seconds * static_cast<double>(options.processors));
  return report;
}

// -- text ---------------------------------------------------------------------

result<std::vector<swf_window>> parse_windows(std::string_view text) {
  const auto number
      = [](std::string_view digits) -> std::optional<std::size_t> {
    std::size_t value = 0;
    const auto* last = digits.data() + digits.size();
    const auto [stopped, fault] = std::from_chars(digits.data(), last, value);
    if (fault != std::errc{} || stopped != last)
      return std::nullopt;
    return value;
  };
  std::vector<swf_window> windows;
  while (true) {
    const auto comma = std::min(text.find(','), text.size());
    const auto part = text.substr(0, comma);
    const auto colon = std::min(part.find(':'), part.size());
    const auto first = number(part.substr(0, colon));
    const auto length
        = number(colon < part.size() ? part.substr(colon + 1) : "");
    if (!first || !length)
      return {error_code::invalid_argument,
              fmt::format("the window \"{}\" is not START:LEN, as in 1981:1024",
                          part)};
    windows.push_back({*first, *length});
    if (comma == text.size())
      return windows;
    text.remove_prefix(comma + 1);
  }
}

std::string schedule_csv(const swf_report& report) {
  std::string text = "window,job,start\n";
  for (const auto& [window, job, start_seconds] : report.schedule)
    text += fmt::format("{},{},{}\n", window, job, start_seconds);
  return text;
}

} // namespace skerry
