#include "storage/decision_log.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace skerry {

namespace {

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

void decision_log::append(std::vector<std::string> records) {
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

std::vector<std::string> decision_log::last(std::size_t limit) const {
  std::vector<std::string> out;
  for (auto number = next_; number > first_ && out.size() < limit; --number)
    if (auto value = kept_->get(key_of(number - 1)); value && *value)
      out.push_back(std::move(**value));
  return out;
}

} // namespace skerry
