#include "storage/decision_log.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>

namespace skerry {

namespace {

/// Records of a write: one for each would cost more than its decision.
constexpr std::size_t batch = 256;
/// Some 20 MB; a disk that is so far behind will not catch up.
constexpr std::size_t most_waiting = 65'536;
constexpr std::chrono::seconds patience{1};

/// Fixed width, so that the order of keys is the order of numbers.
std::string key_of(std::uint64_t number) {
  return fmt::format("d{:020}", number);
}

} // namespace

result<std::unique_ptr<decision_log>>
decision_log::open(const decision_log_options& options) {
  const store_options how{
      .directory = options.directory, .kind = "decisions", .durable = false};
  auto kept = store::open(how);
  if (!kept && kept.failure().code == error_code::malformed) {
    std::error_code ignored; // `open` says what is wrong if it stays.
    std::filesystem::remove_all(options.directory, ignored);
    kept = store::open(how);
  }
  if (!kept)
    return kept.failure();
  std::uint64_t first = 0;
  std::uint64_t next = 1;
  auto visited = (*kept)->for_each("d", [&](std::string_view key, auto) {
    std::uint64_t number = 0;
    std::from_chars(key.data() + 1, key.data() + key.size(), number);
    first = first == 0 ? number : first;
    next = number + 1;
    return result<>{done{}};
  });
  if (!visited)
    return visited.failure();
  return std::unique_ptr<decision_log>{
      new decision_log{std::move(*kept), next,
                       std::max<std::uint64_t>(first, 1), options.max_records}};
}

decision_log::decision_log(std::unique_ptr<store> kept, std::uint64_t next,
                           std::uint64_t first, std::uint64_t max)
    : max_{max}, kept_{std::move(kept)}, next_{next}, first_{first},
      writer_{[this] { write_on(); }} {}

decision_log::~decision_log() {
  {
    const std::lock_guard lock{mutex_};
    closing_ = true;
  }
  changed_.notify_one();
  writer_.join();
  flush();
}

void decision_log::append(std::string record) {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() == most_waiting) {
      ++dropped_;
      return;
    }
    waiting_.push_back(std::move(record));
    waiting = waiting_.size();
  }
  if (waiting == batch)
    changed_.notify_one();
}

void decision_log::write_on() {
  std::unique_lock lock{mutex_};
  while (!closing_) {
    changed_.wait_for(lock, patience,
                      [this] { return closing_ || waiting_.size() >= batch; });
    lock.unlock();
    flush();
    lock.lock();
  }
}

void decision_log::flush() {
  const std::lock_guard writing{store_mutex_};
  std::vector<std::string> records;
  {
    const std::lock_guard lock{mutex_};
    records.swap(waiting_);
  }
  if (!records.empty())
    write(std::move(records));
}

void decision_log::write(std::vector<std::string> records) {
  std::vector<store_write> writes;
  writes.reserve(records.size() * 2);
  const auto before = next_;
  for (auto& record : records)
    writes.push_back({key_of(next_++), std::move(record)});
  while (next_ - first_ > max_)
    writes.push_back({key_of(first_++), std::nullopt});
  if (!kept_->commit(writes))
    dropped_ += next_ - before;
}

std::vector<std::string> decision_log::last(std::size_t limit) {
  flush();
  const std::lock_guard reading{store_mutex_};
  std::vector<std::string> out;
  for (auto number = next_; number > first_ && out.size() < limit; --number)
    if (auto value = kept_->get(key_of(number - 1)); value && *value)
      out.push_back(std::move(**value));
  return out;
}

} // namespace skerry
