#include "simulation/dag_workload.hpp"

#include "evolution/deviates.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

namespace skerry {
namespace {

/// Plans in postfix form. A letter scans a table: L(ineitem), O(rders),
/// P(art), U (partsupp), C(ustomer), S(upplier), N(ation), R(egion). j joins
/// the last two results, a aggregates the last, s sorts it; d takes it again.
constexpr std::array<std::string_view, 22> queries{
    "Las",           "USjNjRjdajPjs",
    "COjLjas",       "OLjas",
    "COjLjSjNRjjas", "La",
    "SNjLjOjCNjjas", "PLjSjOjCNjRjjNjas",
    "PLjSjUjOjNjas", "COjLjNjas",
    "USjNjadajs",    "OLjas",
    "COjaas",        "LPja",
    "LdajSjs",       "UPjSjas",
    "LdaPjja",       "LdaOjjCjas",
    "LPja",          "LaUPjjSjNjs",
    "LdSNjjOjjas",   "CdajOjas"};

constexpr std::array<std::uint32_t, 6> scales{2, 5, 10, 20, 50, 100};

struct table {
  char letter;
  double mb; ///< At scale 1; by rows and their widths in the specification.
};
constexpr std::array<table, 8> tables{{{'L', 725},
                                       {'O', 164},
                                       {'P', 23},
                                       {'U', 114},
                                       {'C', 23},
                                       {'S', 1.4},
                                       {'N', 0},
                                       {'R', 0}}};

constexpr double scan_split_mb = 128;
constexpr double shuffle_split_mb = 64;
constexpr double most_shuffle_tasks = 200; ///< The default of Spark.
constexpr double start_ms = 200;           ///< Of a task that reads nothing.
constexpr double stage_spread = 0.4;

/// How fast tasks of a kind read, and which part they pass on.
struct kind {
  double mb_per_second;
  double least_part;
  double most_part;
};
constexpr kind scan{50, 0.1, 0.7};
constexpr kind join{30, 0.3, 1};
constexpr kind aggregation{40, 0.02, 0.3};
constexpr kind sort{40, 1, 1};

/// What a stage hands to the next.
struct output {
  std::uint32_t stage = 0;
  double mb = 0;
};

double log_normal(double spread, rng& random) {
  return portable_exp(spread * random.normal() - spread * spread / 2);
}

class plan_reader {
public:
  plan_reader(double scale, rng& random) : scale_{scale}, random_{&random} {}

  std::vector<dag_stage> read(std::string_view plan) {
    for (const auto letter : plan)
      add(letter);
    SKERRY_ASSERT(stack_.size() == 1);
    return std::move(stages_);
  }

private:
  void add(char letter) {
    switch (letter) {
    case 'd':
      stack_.push_back(stack_.back());
      break;
    case 'j': {
      const auto right = pop();
      const auto left = pop();
      push(join, {left.stage, right.stage}, left.mb + right.mb,
           shuffle_split_mb, most_shuffle_tasks);
      break;
    }
    case 'a':
    case 's': {
      const auto from = pop();
      push(letter == 'a' ? aggregation : sort, {from.stage}, from.mb,
           shuffle_split_mb, most_shuffle_tasks);
      break;
    }
    default:
      push(scan, {},
           scale_ * std::ranges::find(tables, letter, &table::letter)->mb,
           scan_split_mb, 1e9);
    }
  }

  output pop() {
    const auto last = stack_.back();
    stack_.pop_back();
    return last;
  }

  void push(const kind& of, std::vector<std::uint32_t> parents, double mb,
            double split_mb, double most_tasks) {
    std::ranges::sort(parents);
    parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
    const auto tasks = std::clamp(std::ceil(mb / split_mb), 1.0, most_tasks);
    const auto task_ms = start_ms + mb / tasks / of.mb_per_second * 1000;
    const auto part
        = of.least_part + random_->uniform() * (of.most_part - of.least_part);
    stack_.push_back({static_cast<std::uint32_t>(stages_.size()), mb * part});
    stages_.push_back({static_cast<std::uint32_t>(tasks),
                       task_ms * log_normal(stage_spread, *random_),
                       0.1 + 0.4 * random_->uniform(), std::move(parents)});
  }

  double scale_;
  rng* random_;
  std::vector<output> stack_;
  std::vector<dag_stage> stages_;
};

} // namespace

double dag_job::work_ms() const {
  double sum = 0;
  for (const auto& stage : stages)
    sum += stage.tasks * stage.task_ms;
  return sum;
}

result<> validate(const dag_options& options) {
  std::string faults;
  const auto want = [&faults](bool good, const std::string& fault) {
    if (!good)
      faults += (faults.empty() ? "" : "; ") + fault;
  };
  want(options.jobs >= 1 && options.jobs <= max_dag_jobs,
       fmt::format("{} jobs (want 1 to {})", options.jobs, max_dag_jobs));
  want(options.slots >= 1 && options.slots <= max_dag_slots,
       fmt::format("{} slots (want 1 to {})", options.slots, max_dag_slots));
  want(options.load >= 0 && options.load <= 10,
       fmt::format("a load of {} (want 0 to 10)", options.load));
  want(options.estimate_error >= 0 && options.estimate_error <= 2,
       fmt::format("estimates that err by {} (want 0 to 2)",
                   options.estimate_error));
  want(options.move_ms >= 0 && options.move_ms <= max_dag_move_ms,
       fmt::format("moves of {} ms (want 0 to {})", options.move_ms,
                   max_dag_move_ms));
  if (faults.empty())
    return done{};
  return {error_code::invalid_argument, std::move(faults)};
}

std::vector<dag_job> make_dag_jobs(const dag_options& options) {
  SKERRY_ASSERT(validate(options));
  std::vector<dag_job> jobs(options.jobs);
  std::vector<double> arrivals;
  double work_ms = 0;
  double gaps = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    // A stream for each: a longer run begins like a shorter one.
    rng random{derive_seed(options.seed, i)};
    auto& job = jobs[i];
    job.query = static_cast<std::uint32_t>(random.below(queries.size())) + 1;
    job.scale = scales[random.below(scales.size())];
    job.stages = plan_reader{static_cast<double>(job.scale), random}.read(
        queries[job.query - 1]);
    work_ms += job.work_ms();
    arrivals.push_back(gaps);
    gaps += random.exponential(1);
  }
  if (options.load > 0)
    for (std::size_t i = 0; i < jobs.size(); ++i)
      jobs[i].arrival_ms = std::llround(arrivals[i] / gaps * work_ms
                                        / options.slots / options.load);
  return jobs;
}

void draw_task_times(const dag_stage& stage, double error,
                     std::span<std::int64_t> out, rng& random) {
  const auto mean_ms = stage.task_ms * log_normal(error, random);
  for (auto& ms : out)
    ms = std::max<std::int64_t>(
        1, std::llround(mean_ms * log_normal(stage.spread, random)));
}

} // namespace skerry
