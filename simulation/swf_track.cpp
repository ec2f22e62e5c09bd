#include "simulation/swf_track.hpp"

#include "scheduling/backfill.hpp"
#include "simulation/batch_machine.hpp"
#include "simulation/event_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace skerry {
namespace {

/// One window, from its first submission until its last job has ended.
class window_run {
public:
  /// @param jobs None wider than the machine.
  window_run(std::span<const swf_job> jobs, const swf_options& options)
      : jobs_{jobs}, options_{options}, machine_{options.processors,
                                                 jobs.size()},
        starts_(jobs.size()) {
    queued_.reserve(jobs.size());
    for (const auto& job : jobs) {
      queued_.push_back({static_cast<std::int64_t>(queued_.size()),
                         job.submit_seconds, job.requested_seconds,
                         job.processors});
      priorities_.push_back(
          priority(options.order, queued_.back(), job.submit_seconds));
    }
  }

  void run() {
    // All arrivals first, so that they precede completions of their second.
    for (std::uint32_t job = 0; job < jobs_.size(); ++job)
      events_.push(jobs_[job].submit_seconds, {event_kind::arrival, job});
    while (!events_.empty()) {
      const auto next = events_.pop();
      const auto [kind, job] = next.what;
      now_ = next.time;
      if (kind == event_kind::arrival) {
        machine_.submit(job, jobs_[job].processors);
        waiting_.push_back(job);
      } else {
        machine_.finish(job);
        std::erase(running_, job);
      }
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

  /// Starts heads while they fit, then backfills behind the one that does not.
  void act() {
    while (head_ || !waiting_.empty()) {
      if (!head_)
        choose_head();
      if (!machine_.fits(jobs_[*head_].processors)) {
        if (options_.backfill == backfilling::easy)
          backfill();
        return;
      }
      start(*head_);
      head_.reset();
    }
  }

  /// Takes the first by the order out of the queue.
  void choose_head() {
    if (changes_with_time(options_.order))
      for (const auto job : waiting_)
        priorities_[job] = priority(options_.order, queued_[job], now_);
    const auto first
        = std::ranges::min_element(waiting_, [this](auto a, auto b) {
            if (priorities_[a] != priorities_[b])
              return priorities_[a] < priorities_[b];
            return submitted_before(queued_[a], queued_[b]);
          });
    head_ = *first;
    shadow_seconds_.reset();
    waiting_.erase(first);
  }

  void backfill() {
    if (!shadow_seconds_)
      shadow_seconds_ = shadow_of_head();
    std::erase_if(waiting_, [this](std::uint32_t job) {
      const bool starts = machine_.fits(jobs_[job].processors)
                          && ends_before(now_, jobs_[job].requested_seconds,
                                         *shadow_seconds_);
      if (starts)
        start(job);
      return starts;
    });
  }

  std::int64_t shadow_of_head() const {
    std::vector<processor_claim> claims;
    claims.reserve(running_.size());
    for (const auto job : running_)
      claims.push_back(
          {starts_[job] + jobs_[job].requested_seconds, jobs_[job].processors});
    const auto shadow
        = earliest_start(now_, machine_.free_processors(),
                         jobs_[*head_].processors, std::move(claims));
    return shadow.value(); // No job is wider than the machine.
  }

  void start(std::uint32_t job) {
    machine_.start(job);
    starts_[job] = now_;
    order_of_start_.push_back(job);
    running_.push_back(job);
    events_.push(now_ + jobs_[job].run_seconds, {event_kind::completion, job});
  }

  std::span<const swf_job> jobs_;
  const swf_options& options_;
  batch_machine machine_;
  event_queue<happening> events_;
  std::vector<queued_job> queued_;
  std::vector<double> priorities_; ///< By job; kept where time is no matter.
  std::vector<std::uint32_t> waiting_; ///< In order of submission.
  std::vector<std::uint32_t> running_;
  std::optional<std::uint32_t> head_;          ///< Chosen, not started.
  std::optional<std::int64_t> shadow_seconds_; ///< Of this head.
  std::int64_t now_ = 0;
  std::vector<std::int64_t> starts_;
  std::vector<std::uint32_t> order_of_start_;
};

result<> validate(std::span<const swf_job> log, const swf_options& options) {
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

double bounded_slowdown(std::int64_t wait_seconds, std::int64_t run_seconds) {
  const auto turnaround = static_cast<double>(wait_seconds + run_seconds);
  const auto bound = std::max(run_seconds, slowdown_bound_seconds);
  return std::max(1.0, turnaround / static_cast<double>(bound));
}

result<swf_report> run_swf_track(std::span<const swf_job> log,
                                 const swf_options& options) {
  if (auto ok = validate(log, options); !ok)
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
  for (const auto& [first, length] : windows) {
    const auto jobs = log.subspan(first, length);
    window_run run{jobs, options};
    run.run();
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
