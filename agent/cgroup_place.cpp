#include "agent/cgroup_place.hpp"

#include "agent/text_file.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

namespace skerry {

namespace {

namespace fs = std::filesystem;

/// Version 1 says "no limit" with a number near 2^63.
constexpr std::int64_t no_limit_bytes = std::int64_t{1} << 60;

struct mount {
  std::string point;
  std::string type;
  std::set<std::string> options;
};

std::set<std::string> split(const std::string& text) {
  std::set<std::string> out;
  std::istringstream in{text};
  for (std::string each; std::getline(in, each, ',');)
    out.insert(each);
  return out;
}

std::string text_of(const fs::path& file) {
  auto text = read_text(file);
  return text ? *std::move(text) : std::string{};
}

/// Lines of mountinfo: "id parent device root point ... - type source options".
std::vector<mount> mounts(const fs::path& proc) {
  std::vector<mount> out;
  std::istringstream in{text_of(proc / "self/mountinfo")};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    mount each;
    std::string word;
    for (int i = 0; i < 5 && words >> word; ++i)
      each.point = word;
    while (words >> word && word != "-")
      continue;
    words >> each.type >> word;
    std::string options;
    words >> options;
    each.options = split(options);
    out.push_back(std::move(each));
  }
  return out;
}

/// Own group under a mount; in containers the path may be one of outside.
fs::path base_of(const std::string& point, const std::string& own) {
  std::error_code failed;
  fs::path inside = fs::path{point} / fs::path{own}.relative_path();
  while (inside.has_filename() == false && inside.has_parent_path()
         && inside != inside.root_path())
    inside = inside.parent_path(); // "point/" into "point".
  return fs::is_directory(inside, failed) ? inside : fs::path{point};
}

void keep_least(std::optional<std::int64_t>& least, std::int64_t value) {
  least = least ? std::min(*least, value) : value;
}

/// "max 100000" or "150000 100000".
void read_cpu_max(const fs::path& file, cgroup_limits& out) {
  std::istringstream in{text_of(file)};
  std::int64_t quota = 0;
  std::int64_t period = 0;
  if (in >> quota >> period && quota > 0 && period > 0)
    keep_least(out.cpu_millicores, quota * 1000 / period);
}

} // namespace

std::map<std::string, cgroup_place> cgroup_places(const fs::path& proc) {
  const auto all = mounts(proc);
  std::map<std::string, cgroup_place> out;
  std::istringstream in{text_of(proc / "self/cgroup")};
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == line.npos)
      continue;
    const auto names = line.substr(first + 1, second - first - 1);
    const auto own = line.substr(second + 1);
    for (const auto& name :
         names.empty() ? std::set<std::string>{""} : split(names)) {
      const auto found = std::ranges::find_if(all, [&](const mount& each) {
        return name.empty()
                   ? each.type == "cgroup2"
                   : each.type == "cgroup" && each.options.contains(name);
      });
      if (found != all.end())
        out[name] = {found->point, base_of(found->point, own)};
    }
  }
  return out;
}

cgroup_limits own_cgroup_limits(const fs::path& proc) {
  cgroup_limits out;
  const auto walk = [](const cgroup_place& place, auto look) {
    auto at = place.own;
    for (int depth = 0; depth < 64; ++depth, at = at.parent_path()) {
      look(at);
      if (at == place.mount || !at.has_relative_path())
        return;
    }
  };
  for (const auto& [controller, place] : cgroup_places(proc)) {
    if (controller.empty())
      walk(place, [&](const fs::path& at) {
        read_cpu_max(at / "cpu.max", out);
        if (const auto limit = read_number(at / "memory.max"))
          keep_least(out.memory_bytes, *limit);
      });
    else if (controller == "cpu")
      walk(place, [&](const fs::path& at) {
        const auto quota = read_number(at / "cpu.cfs_quota_us").value_or(-1);
        const auto period = read_number(at / "cpu.cfs_period_us").value_or(0);
        if (quota > 0 && period > 0)
          keep_least(out.cpu_millicores, quota * 1000 / period);
      });
    else if (controller == "memory")
      walk(place, [&](const fs::path& at) {
        const auto limit
            = read_number(at / "memory.limit_in_bytes").value_or(0);
        if (limit > 0 && limit < no_limit_bytes)
          keep_least(out.memory_bytes, limit);
      });
  }
  return out;
}

} // namespace skerry
