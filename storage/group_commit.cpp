#include "storage/group_commit.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace skerry {

group_commit::group_commit(store& to, group_commit_options options)
    : to_{to}, options_{options}, thread_{[this] { run(); }} {}

group_commit::~group_commit() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void group_commit::submit(std::vector<store_write> writes, committed then) {
  {
    const std::lock_guard lock{mutex_};
    waiting_.push_back({std::move(writes), std::move(then)});
  }
  wake_.notify_one();
}

group_commit::figures group_commit::measured() const {
  const std::lock_guard lock{mutex_};
  auto out = figures_;
  out.p99_microseconds = microseconds_.quantile(0.99);
  return out;
}

void group_commit::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty())
      return;
    auto batches = std::exchange(waiting_, {});
    lock.unlock();
    commit(batches);
    lock.lock();
  }
}

void group_commit::commit(std::vector<batch>& batches) {
  using clock = std::chrono::steady_clock;
  auto first = batches.begin();
  while (first != batches.end()) {
    std::vector<store_write> writes;
    auto last = first;
    do {
      std::ranges::move(last->writes, std::back_inserter(writes));
      ++last;
    } while (last != batches.end()
             && writes.size() + last->writes.size() <= options_.max_writes);
    result<> outcome = done{};
    if (!writes.empty()) {
      const auto start = clock::now();
      outcome = to_.commit(writes);
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
          clock::now() - start);
      const std::lock_guard lock{mutex_};
      microseconds_.add(static_cast<std::uint64_t>(took.count()));
      ++figures_.commits;
      figures_.writes += writes.size();
    }
    for (; first != last; ++first)
      first->then(outcome);
  }
}

} // namespace skerry
