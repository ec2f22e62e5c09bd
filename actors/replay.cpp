#include "actors/replay.hpp"

#include "messages/experience_record.hpp"
#include "scheduling/assert.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>
#include <utility>

namespace skerry {
namespace {

/// Some 60 MB: a disk that is so far behind will not catch up.
constexpr std::size_t most_waiting = 32'768;
/// Wakes the thread; fewer are written after `patience`.
constexpr std::size_t batch = 1024;
constexpr std::chrono::seconds patience{1};
/// Of one answer: some 300 KB.
constexpr std::uint32_t most_answered = 1024;

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch())
      .count();
}

} // namespace

result<> validate(const replay_role_options& options) {
  if (auto checked = validate(options.store); !checked)
    return checked;
  return validate(options.ring);
}

replay::replay(const replay_role_options& options, listener heard)
    : options_{options}, heard_{std::move(heard)}, ring_{options.ring},
      random_{options.seed}, thread_{[this] { run(); }} {}

replay::~replay() {
  {
    const std::lock_guard lock{mutex_};
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void replay::record(std::vector<experience> made) {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock{mutex_};
    const auto room = most_waiting - std::min(most_waiting, waiting_.size());
    const auto taken = std::min(room, made.size());
    dropped_ += made.size() - taken;
    std::move(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(taken),
              std::back_inserter(waiting_));
    waiting = waiting_.size();
  }
  if (waiting >= batch)
    wake_.notify_one();
}

// -- the thread ---------------------------------------------------------------

void replay::run() {
  open();
  std::unique_lock lock{mutex_};
  while (!closing_ || !waiting_.empty()) {
    wake_.wait_for(lock, patience,
                   [this] { return closing_ || waiting_.size() >= batch; });
    auto made = std::exchange(waiting_, {});
    lock.unlock();
    if (!made.empty())
      write(std::move(made));
    lock.lock();
  }
}

/// A start waits for none of this.
void replay::open() {
  auto opened = experience_store::open(options_.store);
  if (!opened) {
    const std::lock_guard lock{ring_mutex_};
    status_.set_trouble(opened.failure().message);
    return;
  }
  store_ = *std::move(opened);
  auto read = store_->for_last(options_.ring.capacity, unix_ms(),
                               [this](std::string_view record) {
                                 const auto sound = experience_from(record);
                                 if (!sound) {
                                   const std::lock_guard lock{ring_mutex_};
                                   status_.set_skipped(status_.skipped() + 1);
                                   return;
                                 }
                                 insert(std::string{record}, true);
                                 if (heard_)
                                   heard_(*sound);
                               });
  const std::lock_guard lock{ring_mutex_};
  const auto figures = store_->measured();
  status_.set_rebuilt(ring_.sampler().size());
  status_.set_damaged(figures.damaged);
  status_.set_bytes(figures.bytes);
  if (!read)
    status_.set_trouble(read.failure().message);
  else if (figures.begun_anew)
    status_.set_trouble("the experience on disk was damaged; it is begun anew");
}

void replay::write(std::vector<experience> made) {
  std::vector<std::string> records;
  records.reserve(made.size());
  for (const auto& each : made) {
    if (!validate(each))
      continue; // Never written, so never read.
    records.push_back(to_proto(each).SerializeAsString());
    if (heard_)
      heard_(each);
  }
  result<> kept{error_code::io_failed, "there is no database"};
  if (store_)
    kept = store_->append(records, unix_ms());
  {
    const std::lock_guard lock{ring_mutex_};
    status_.set_recorded(status_.recorded() + records.size());
    status_.set_skipped(status_.skipped() + made.size() - records.size());
    if (store_) {
      status_.set_bytes(store_->measured().bytes);
      status_.set_trouble(kept ? "" : kept.failure().message);
    }
    if (!kept)
      status_.set_not_on_disk(status_.not_on_disk() + records.size());
  }
  for (auto& each : records)
    insert(std::move(each), true);
}

void replay::insert(std::string record, bool is_own) {
  const std::lock_guard lock{ring_mutex_};
  ring_.insert({std::move(record), is_own});
}

// -- batches ------------------------------------------------------------------

v1::ExperienceBatch replay::answer(const v1::ExperienceQuery& query) {
  v1::ExperienceBatch out;
  const auto count = std::min(query.count(), most_answered);
  const std::lock_guard lock{ring_mutex_};
  const auto& sampler = ring_.sampler();
  out.set_next(sampler.inserted());
  if (!query.sample()) {
    const auto oldest = sampler.inserted() - sampler.size();
    auto key = std::max<std::uint64_t>(query.from(), oldest);
    for (; key < sampler.inserted()
           && static_cast<std::uint32_t>(out.records_size()) < count;
         ++key)
      // What came from others, others ask for there: else it would go round.
      if (const auto& each = *ring_.find(key); each.is_own)
        out.add_records(each.record);
    // This server may have started again and count anew.
    out.set_next(std::min(key, sampler.inserted()));
    return out;
  }
  std::vector<replay_pick> picks(count);
  const auto drawn
      = query.by_priority()
            ? ring_.sample_by_priority(picks, query.exponent(), random_)
            : ring_.sample_evenly(picks, random_);
  if (!drawn) // There is too little: an empty answer says so.
    return out;
  for (const auto& pick : picks) {
    out.add_records(ring_.find(pick.key)->record);
    out.add_keys(pick.key);
    out.add_weights(pick.weight);
  }
  return out;
}

void replay::admit(const v1::ExperienceBatch& batch_of) {
  for (const auto& record : batch_of.records()) {
    const auto sound = experience_from(record);
    {
      const std::lock_guard lock{ring_mutex_};
      if (!sound) {
        status_.set_skipped(status_.skipped() + 1);
        continue;
      }
      status_.set_gathered(status_.gathered() + 1);
      ring_.insert({record, false});
    }
    if (heard_)
      heard_(*sound);
  }
}

void replay::set_priority(std::uint64_t key, double priority) {
  const std::lock_guard lock{ring_mutex_};
  (void)ring_.set_priority(key, priority); // It may have been overwritten.
}

v1::ReplayStatus replay::status() const {
  v1::ReplayStatus out;
  {
    const std::lock_guard lock{ring_mutex_};
    out = status_;
    out.set_held(ring_.sampler().size());
    out.set_sampled(ring_.sampler().sampled());
  }
  const std::lock_guard lock{mutex_};
  out.set_dropped(dropped_);
  return out;
}

} // namespace skerry
