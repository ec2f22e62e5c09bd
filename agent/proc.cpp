#include "agent/proc.hpp"

#include "agent/text_file.hpp"

#include <fmt/core.h>

#include <ctime>
#include <sstream>
#include <system_error>
#include <unistd.h>
#include <unordered_map>

namespace skerry {

std::optional<process_figures> process_of(pid_t pid) {
  const auto text = read_text(fmt::format("/proc/{}/stat", pid));
  if (!text)
    return std::nullopt;
  // The name, in parentheses, may hold blanks and parentheses.
  const auto name_end = text->rfind(')');
  if (name_end == text->npos)
    return std::nullopt;
  std::istringstream rest{text->substr(name_end + 1)};
  process_figures out;
  std::string word;
  for (int field = 3; field <= 24 && rest >> word; ++field) {
    const auto value = parse_number(word).value_or(0);
    if (field == 4)
      out.parent = static_cast<pid_t>(value);
    else if (field == 14 || field == 15)
      out.cpu_ticks += value;
    else if (field == 22)
      out.start_ticks = static_cast<std::uint64_t>(value);
    else if (field == 24)
      out.resident_bytes = value * ::sysconf(_SC_PAGESIZE);
  }
  return out;
}

std::vector<std::pair<std::int64_t, std::int64_t>>
usage_below(const std::vector<pid_t>& roots) {
  std::vector<std::pair<std::int64_t, std::int64_t>> sums(roots.size());
  if (roots.empty())
    return sums;
  std::unordered_map<pid_t, process_figures> all;
  std::error_code failed;
  for (const auto& entry :
       std::filesystem::directory_iterator{"/proc", failed}) {
    const auto pid = parse_number(entry.path().filename().string());
    if (!pid)
      continue;
    if (auto figures = process_of(static_cast<pid_t>(*pid)))
      all.emplace(static_cast<pid_t>(*pid), *figures);
  }
  std::unordered_map<pid_t, std::size_t> root_index;
  for (std::size_t i = 0; i < roots.size(); ++i)
    root_index.emplace(roots[i], i);
  for (const auto& [pid, figures] : all) {
    auto above = figures.parent;
    for (int depth = 0; depth < 64 && above > 1; ++depth) {
      if (auto root = root_index.find(above); root != root_index.end()) {
        sums[root->second].first += figures.cpu_ticks;
        sums[root->second].second += figures.resident_bytes;
        break;
      }
      const auto next = all.find(above);
      above = next == all.end() ? 0 : next->second.parent;
    }
  }
  return sums;
}

std::string boot_id() {
  return read_line("/proc/sys/kernel/random/boot_id").value_or("unknown");
}

namespace {

std::int64_t milliseconds_of(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

} // namespace

std::int64_t boot_milliseconds() {
  return milliseconds_of(CLOCK_BOOTTIME);
}
std::int64_t unix_milliseconds() {
  return milliseconds_of(CLOCK_REALTIME);
}

std::filesystem::path own_binary() {
  std::error_code failed;
  return std::filesystem::read_symlink("/proc/self/exe", failed);
}

} // namespace skerry
