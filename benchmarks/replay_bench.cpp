#include "benchmarks/benchmarks.hpp"
#include "benchmarks/measure.hpp"
#include "learning/replay_buffer.hpp"
#include "messages/experience_record.hpp"
#include "simulation/synthetic_track.hpp"
#include "storage/experience_store.hpp"
#include "storage/store.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace skerry {
namespace {

constexpr std::size_t ring_records = 1'000'000;
constexpr std::size_t naive_records = 200'000;
constexpr std::int64_t now_ms = 1'790'000'000'000;

/// On the disk of the temporary directory, and gone with its owner.
class scratch_directory {
public:
  scratch_directory() {
    auto path = (std::filesystem::temp_directory_path() / "skerry-bench-XXXXXX")
                    .string();
    if (::mkdtemp(path.data()) != nullptr)
      path_ = path;
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored; // What is left lies in the temporary directory.
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// Of a simulated day: what a server would record of it.
std::vector<experience> recorded_day(std::uint64_t seed) {
  std::vector<experience> out;
  experience_tap tap{{},
                     [&out](const experience& each) { out.push_back(each); }};
  const auto workload = generate_synthetic({}, seed);
  SKERRY_ASSERT(workload);
  SKERRY_ASSERT(run_synthetic_track(*workload, "fgd", seed,
                                    placement_search::index, {}, &tap));
  SKERRY_ASSERT(!out.empty());
  return out;
}

std::vector<std::string> records_of(std::span<const experience> from) {
  std::vector<std::string> out;
  out.reserve(from.size());
  for (const auto& each : from)
    out.push_back(to_proto(each).SerializeAsString());
  return out;
}

double mean_bytes(std::span<const std::string> records) {
  double sum = 0;
  for (const auto& each : records)
    sum += static_cast<double>(each.size());
  return sum / static_cast<double>(records.size());
}

double wall_seconds_of(const auto& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>{std::chrono::steady_clock::now() - began}
      .count();
}

/// What waits for the disk is told in seconds of the clock, beside those of
/// the CPU.
benchmark_case by_the_clock(benchmark_case measured, double operations,
                            double wall_seconds) {
  measured.more.emplace_back("per_cpu_second", measured.per_second);
  measured.per_second = operations / wall_seconds;
  return measured;
}

benchmark_case measure_encoding(std::span<const experience> from,
                                double seconds) {
  case_timer timer{"encode"};
  std::size_t bytes = 0;
  while (timer.more(seconds)) {
    timer.begin_run();
    for (const auto& each : from)
      bytes += to_proto(each).SerializeAsString().size();
    timer.end_run(from.size());
  }
  SKERRY_ASSERT(bytes > 0);
  return timer.finish();
}

/// Batches are synced before the next; `encode` makes the records first.
result<benchmark_case> measure_inserts(std::string name,
                                       std::span<const experience> from,
                                       std::span<const std::string> records,
                                       std::size_t batch, double seconds) {
  const scratch_directory directory;
  auto store = experience_store::open(
      {.directory = directory.path() / "e", .min_free_bytes = 1});
  if (!store)
    return store.failure();
  case_timer timer{std::move(name)};
  double wall = 0;
  double inserted = 0;
  for (std::size_t at = 0; timer.more(seconds); at += batch) {
    at = at + batch > records.size() ? 0 : at;
    std::vector<std::string> mine;
    if (from.empty())
      mine.assign(records.begin() + static_cast<std::ptrdiff_t>(at),
                  records.begin() + static_cast<std::ptrdiff_t>(at + batch));
    result<> ok = done{};
    timer.begin_run();
    wall += wall_seconds_of([&] {
      if (!from.empty())
        mine = records_of(from.subspan(at, batch));
      ok = (*store)->append(mine, now_ms);
    });
    timer.end_run(batch);
    if (!ok)
      return ok.failure();
    inserted += static_cast<double>(batch);
  }
  SKERRY_ASSERT(static_cast<double>((*store)->measured().appended) == inserted);
  auto out = by_the_clock(timer.finish(), inserted, wall);
  out.more.emplace_back("bytes_each", mean_bytes(records));
  return out;
}

using ring = replay_buffer<std::string>;

/// From the disk into the ring.
result<benchmark_case> measure_rebuild(std::span<const std::string> records,
                                       ring& into) {
  const scratch_directory directory;
  const experience_store_options options{.directory = directory.path() / "e",
                                         .min_free_bytes = 1};
  {
    auto store = experience_store::open(options);
    if (!store)
      return store.failure();
    for (std::size_t at = 0; at < ring_records;) {
      const auto count = std::min(records.size(), ring_records - at);
      const std::vector<std::string> batch{
          records.begin(),
          records.begin() + static_cast<std::ptrdiff_t>(count)};
      if (auto ok = (*store)->append(batch, now_ms); !ok)
        return ok.failure();
      at += count;
    }
  }
  case_timer timer{fmt::format("rebuild of {}", ring_records)};
  result<> ok = done{};
  timer.begin_run();
  const auto wall = wall_seconds_of([&] {
    auto store = experience_store::open(options);
    SKERRY_ASSERT(store);
    ok = (*store)->for_last(ring_records, now_ms, [&](std::string_view each) {
      into.insert(std::string{each});
    });
  });
  timer.end_run(ring_records);
  if (!ok)
    return ok.failure();
  SKERRY_ASSERT(into.sampler().size() == ring_records);
  auto out
      = by_the_clock(timer.finish(), static_cast<double>(ring_records), wall);
  out.more.emplace_back("seconds", wall);
  return out;
}

/// @param draw Fills a batch.
/// @param look What is done with each item, so that none is sampled by number
///             alone.
benchmark_case measure_samples(std::string name, std::size_t batch,
                               double seconds, const auto& draw,
                               const auto& look) {
  std::vector<replay_pick> picks(batch);
  case_timer timer{std::move(name)};
  while (timer.more(seconds)) {
    timer.begin_run();
    std::size_t drawn = 0;
    for (; drawn < 65'536; drawn += batch) {
      draw(picks);
      look(std::span<const replay_pick>{picks});
    }
    timer.end_run(drawn);
  }
  return timer.finish();
}

void report_samples(ring& of, const benchmark_options& options,
                    const report_case& report) {
  rng random{options.seed};
  for (std::size_t key = 0; key < ring_records; ++key)
    of.set_priority(key, random.uniform());
  std::uint64_t seen = 0;
  const auto touch = [&](std::span<const replay_pick> picks) {
    for (const auto& pick : picks)
      seen += static_cast<unsigned char>((*of.find(pick.key))[0]);
  };
  const auto evenly
      = [&](auto& picks) { SKERRY_ASSERT(of.sample_evenly(picks, random)); };
  const auto by_priority = [&](auto& picks) {
    SKERRY_ASSERT(of.sample_by_priority(picks, 0.4, random));
  };
  const auto read = [&](std::span<const replay_pick> picks) {
    for (const auto& pick : picks) {
      const auto each = experience_from(*of.find(pick.key));
      SKERRY_ASSERT(each);
      seen += each->candidates.size();
    }
  };
  const auto seconds = options.seconds;
  report(measure_samples("uniform", 1024, seconds, evenly, touch));
  report(measure_samples("prioritised", 1024, seconds, by_priority, touch));
  report(measure_samples("uniform, decoded", 1024, seconds, evenly, read));
  SKERRY_ASSERT(seen > 0);
}

/// A record a key, sampled by random Gets: what one would do without a ring.
result<benchmark_case> measure_gets(std::span<const std::string> records,
                                    const benchmark_options& options) {
  const scratch_directory directory;
  auto naive = store::open(
      {.directory = directory.path() / "n", .kind = "naive", .durable = false});
  if (!naive)
    return naive.failure();
  const auto key_of
      = [](std::uint64_t number) { return fmt::format("e{:08}", number); };
  std::vector<store_write> writes;
  for (std::size_t number = 0; number < naive_records; ++number) {
    writes.push_back({key_of(number), records[number % records.size()]});
    if (writes.size() == 4096 || number + 1 == naive_records) {
      if (auto ok = (*naive)->commit(writes); !ok)
        return ok.failure();
      writes.clear();
    }
  }
  rng random{options.seed};
  case_timer timer{fmt::format("naive Get of {}", naive_records)};
  while (timer.more(options.seconds)) {
    timer.begin_run();
    constexpr std::size_t each_run = 4096;
    for (std::size_t sample = 0; sample < each_run; ++sample) {
      const auto found = (*naive)->get(key_of(random.below(naive_records)));
      SKERRY_ASSERT(found);
      SKERRY_ASSERT(found->has_value());
    }
    timer.end_run(each_run);
  }
  return timer.finish();
}

} // namespace

result<> run_replay_bench(const benchmark_options& options,
                          const report_case& report) {
  const auto day = recorded_day(options.seed);
  const auto records = records_of(day);
  report(measure_encoding(day, options.seconds));
  struct insert_case {
    std::string name;
    std::size_t batch;
    bool encoded;
  };
  for (const auto& [name, batch, encoded] :
       {insert_case{"durable inserts, 1024 a sync", 1024, true},
        insert_case{"durable inserts, 16384 a sync", 16'384, true},
        insert_case{"encoded and inserted, 16384 a sync", 16'384, false}}) {
    const auto measured
        = measure_inserts(name, encoded ? std::span<const experience>{} : day,
                          records, batch, options.seconds);
    if (!measured)
      return measured.failure();
    report(*measured);
  }
  ring replay{{.capacity = ring_records, .samples_per_insert = 0}};
  const auto rebuilt = measure_rebuild(records, replay);
  if (!rebuilt)
    return rebuilt.failure();
  report(*rebuilt);
  report_samples(replay, options, report);
  const auto gets = measure_gets(records, options);
  if (!gets)
    return gets.failure();
  report(*gets);
  return done{};
}

} // namespace skerry
