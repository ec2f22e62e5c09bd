#include "messages/job_stages.hpp"

#include <fmt/core.h>

#include <unordered_map>

namespace skerry {

const std::string& name_of(const v1::TaskGroup& group) {
  static const std::string unnamed = "task";
  return group.name().empty() ? unnamed : group.name();
}

std::uint32_t count_of(const v1::TaskGroup& group) {
  return group.count() == 0 ? 1 : group.count();
}

std::optional<std::uint32_t> find_group(const v1::Job& job,
                                        const std::string& name) {
  for (int i = 0; i < job.groups_size(); ++i)
    if (name_of(job.groups(i)) == name)
      return static_cast<std::uint32_t>(i);
  return {};
}

result<> check_stages(const v1::Job& job) {
  std::unordered_map<std::string, std::size_t> numbers;
  for (int i = 0; i < job.groups_size(); ++i)
    numbers.emplace(name_of(job.groups(i)), static_cast<std::size_t>(i));
  std::vector<std::vector<std::size_t>> edges(numbers.size());
  bool any = false;
  for (int i = 0; i < job.groups_size(); ++i)
    for (const auto& name : job.groups(i).after()) {
      const auto parent = numbers.find(name);
      if (parent == numbers.end())
        return {error_code::invalid_argument,
                fmt::format("group {} is after {}, which is no group of its "
                            "job",
                            name_of(job.groups(i)), name)};
      edges[static_cast<std::size_t>(i)].push_back(parent->second);
      any = true;
    }
  if (any && job.gang())
    return {error_code::invalid_argument,
            "a gang starts all groups at once, so none can be after another"};
  if (const auto at = find_cycle(edges))
    return {error_code::invalid_argument,
            fmt::format("group {} is after itself, through its `after`",
                        name_of(job.groups(static_cast<int>(*at))))};
  return done{};
}

/// Kahn's: takes out what waits for nothing that is left.
std::optional<std::size_t>
find_cycle(const std::vector<std::vector<std::size_t>>& edges) {
  std::vector<std::size_t> left(edges.size());
  std::vector<std::vector<std::size_t>> next(edges.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    left[i] = edges[i].size();
    for (const auto parent : edges[i])
      next[parent].push_back(i);
    if (left[i] == 0)
      ready.push_back(i);
  }
  while (!ready.empty()) {
    const auto node = ready.back();
    ready.pop_back();
    for (const auto follower : next[node])
      if (--left[follower] == 0)
        ready.push_back(follower);
  }
  // Those that only follow a cycle are left, too: walk back into it.
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (left[i] == 0)
      continue;
    auto at = i;
    for (std::size_t steps = 0; steps < edges.size(); ++steps)
      for (const auto parent : edges[at])
        if (left[parent] > 0) {
          at = parent;
          break;
        }
    return at;
  }
  return {};
}

} // namespace skerry
