#include "benchmarks/busy_cluster.hpp"

#include <fmt/format.h>

namespace skerry {
namespace {

using namespace skerry::literals;

constexpr double filled = 2.0 / 3.0;

node_spec machine(std::size_t n, std::size_t gpus) {
  constexpr std::array<resources, 3> sizes{
      resources{32_cores, 128_GiB, 1000_GiB, 10'000_Mbps},
      resources{64_cores, 256_GiB, 2000_GiB, 25'000_Mbps},
      resources{96_cores, 768_GiB, 4000_GiB, 25'000_Mbps}};
  return {.name = fmt::format("n{}", n),
          .capacity = sizes[n % sizes.size()],
          .devices = std::vector<device_spec>(gpus)};
}

/// Up to 8 cores, 32 GiB, 100 GiB of disk and 500 Mbit/s.
task_profile random_task(rng& random) {
  const auto steps = [&random](std::uint64_t most) {
    return static_cast<std::int64_t>(1 + random.below(most));
  };
  return {.shape = {.demand = {millicores{steps(16) * 500},
                               bytes{steps(32) << 30}, bytes{steps(100) << 30},
                               bits_per_second{steps(50) * 10'000'000}}}};
}

} // namespace

busy_cluster::busy_cluster(std::size_t nodes, std::uint64_t seed,
                           std::size_t gpus)
    : random_{seed}, book_{1} {
  for (std::size_t n = 0; n < nodes; ++n)
    SKERRY_ASSERT(book_.register_node(machine(n, gpus), 1));
  for (auto& profile : profiles_)
    profile = *book_.intern(random_task(random_));
  search_by(placement_search::index);
}

void busy_cluster::search_by(placement_search search) {
  policy_ = *make_policy("best-fit-all", book_.nodes(), {.search = search});
}

result<> busy_cluster::fill() {
  const auto& capacity = book_.nodes().capacity();
  resources used;
  for (;;) {
    const auto profile = profiles_[random_.below(shapes)];
    const auto& demand
        = book_.nodes().shape(book_.profile(profile).shape).demand;
    auto next = plus(used, demand);
    if (!next)
      return next.failure();
    used = *next;
    for (std::size_t kind = 0; kind < demand.kinds_used(); ++kind)
      if (static_cast<double>(used[kind])
          > filled * static_cast<double>(capacity[kind]))
        return done{};
    if (auto ok = place(profile); !ok)
      return ok;
  }
}

result<> busy_cluster::step() {
  if (auto ok = place(profiles_[random_.below(shapes)]); !ok)
    return ok;
  const auto oldest = live_.front();
  live_.pop_front();
  return book_.finish(oldest);
}

result<> busy_cluster::place(profile_id profile) {
  const fmt::format_int id{next_id_++};
  const auto task = book_.submit({id.data(), id.size()}, profile);
  if (!task)
    return task.failure();
  const auto chosen = policy_->choose(book_.profile(profile).shape);
  if (!chosen)
    return {error_code::insufficient, "the cluster of the benchmark is full"};
  choices_ = choices_ * 1'000'003 + index_of(chosen->node);
  live_.push_back(*task);
  return book_.place(*task, chosen->node, chosen->devices);
}

} // namespace skerry
