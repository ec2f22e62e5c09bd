#include "simulation/synthetic_catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace skerry {
namespace {

constexpr std::size_t zones = 3;

struct hardware {
  std::int64_t cores;
  std::int64_t memory_gib;
  std::size_t devices = 0;
  std::string_view device_kind = {};
  std::string_view device_model = {};
  std::int64_t device_memory_gib = 0;
};

/// By `node_kind`.
constexpr std::array<hardware, node_kinds> hardware_of_kind{{
    {64, 256},
    {64, 2048},
    {96, 1024, 8, "gpu", "A100", 80},
    {64, 256, 4, "gpu", "T4", 16},
    {32, 128, 2, "fpga", "U250", 64},
    {4, 8},
}};

/// By `workload_class`. Sigmas above 1 are the heavy tails of batch traces.
constexpr std::array<run_time, workload_classes> run_times{{
    {3600, 1.0, 86'400},
    {900, 1.4, 43'200},
    {1800, 1.5, 86'400},
    {2400, 1.0, 43'200},
    {900, 1.0, 21'600},
    {1800, 1.0, 43'200},
    {600, 0.8, 7200},
}};

std::string zone_name(std::size_t zone) {
  return fmt::format("zone-{}", zone + 1);
}

/// Collects the profiles of a class.
class profile_list {
public:
  explicit profile_list(workload_class of) : of_{of} {
    // 1.2816 is the 90 % quantile of the standard normal.
    const auto quantile = [times = run_time_of(of)](double z) {
      const auto seconds = times.median_seconds * std::exp(times.sigma * z);
      return std::llround(std::min(seconds, times.longest_seconds) * 1000);
    };
    expected_ = {quantile(-1.2816), quantile(0), quantile(1.2816)};
  }

  task_profile& add(double share, std::int64_t cpu_milli,
                    std::int64_t memory_mib) {
    task_profile profile{
        .shape = {.demand = {millicores{cpu_milli}, bytes{memory_mib << 20}}},
        .tenant
        = std::string{workload_class_names[static_cast<std::size_t>(of_)]},
        .expected_duration = expected_};
    profile.shape.constraints.push_back(
        {.key = "site",
         .values = {of_ == workload_class::iot ? "edge" : "core"}});
    out_.push_back(
        {{std::move(profile), static_cast<std::uint32_t>(of_)}, share});
    return out_.back().entry.profile;
  }

  std::vector<synthetic_profile> take() { return std::move(out_); }

private:
  workload_class of_;
  duration_estimate expected_;
  std::vector<synthetic_profile> out_;
};

struct sized {
  double share;
  std::int64_t size;
};

void add_services(profile_list& to) {
  for (const auto& [share, cores] :
       {sized{0.4, 1}, sized{0.3, 2}, sized{0.2, 4}, sized{0.1, 8}})
    for (const auto gib_per_core : {2, 4})
      for (std::size_t zone = 0; zone <= zones; ++zone) {
        const auto anywhere = zone == zones;
        const auto memory_mib = cores * gib_per_core * 1024;
        auto& profile = to.add(share / 2 * (anywhere ? 0.7 : 0.1), cores * 1000,
                               memory_mib);
        if (!anywhere)
          profile.shape.constraints.push_back(
              {.key = "zone", .values = {zone_name(zone)}});
        profile.minimum
            = resources{millicores{cores * 500}, bytes{memory_mib << 20}};
        profile.maximum
            = resources{millicores{cores * 2000}, bytes{memory_mib << 20}};
      }
}

void add_batch(profile_list& to) {
  for (const auto& [share, cores] :
       {sized{0.3, 1}, sized{0.25, 2}, sized{0.2, 4}, sized{0.15, 8},
        sized{0.1, 16}})
    for (const auto gib_per_core : {2, 6})
      to.add(share / 2, cores * 1000, cores * gib_per_core * 1024);
}

void add_training(profile_list& to) {
  for (const auto& [share, gpus] :
       {sized{0.5, 1}, sized{0.2, 2}, sized{0.15, 4}, sized{0.15, 8}})
    for (const auto picky : {true, false}) {
      auto& profile
          = to.add(share * (picky ? 0.6 : 0.4), gpus * 6000, gpus * 64 * 1024);
      device_request request{.count = static_cast<std::int32_t>(gpus)};
      if (picky)
        request.models = {"A100"};
      profile.shape.devices.push_back(std::move(request));
    }
}

void add_inference(profile_list& to) {
  constexpr std::int64_t mib_per_milli = 15; // 15 GB of a T4's 16.
  for (const auto& [share, milli] :
       {sized{0.3, 100}, sized{0.3, 200}, sized{0.2, 300}, sized{0.2, 500}})
    for (const auto picky : {true, false}) {
      auto& profile = to.add(share * (picky ? 0.6 : 0.4), 2000, 8 * 1024);
      device_request request{.share_milli = static_cast<std::int32_t>(milli),
                             .memory_bytes = (milli * mib_per_milli) << 20};
      if (picky)
        request.models = {"T4"};
      profile.shape.devices.push_back(std::move(request));
    }
}

void add_fpga(profile_list& to) {
  to.add(0.8, 4000, 16 * 1024).shape.devices.push_back({.kind = "fpga"});
  to.add(0.2, 2000, 8 * 1024)
      .shape.devices.push_back({.kind = "fpga", .share_milli = 500});
}

} // namespace

node_spec synthetic_node(node_kind kind, std::size_t number) {
  const auto& of = hardware_of_kind[static_cast<std::size_t>(kind)];
  const auto name = node_kind_names[static_cast<std::size_t>(kind)];
  node_spec out{.name = fmt::format("{}-{}", name, number + 1),
                .capacity
                = {millicores{of.cores * 1000}, bytes{of.memory_gib << 30}}};
  out.devices.assign(of.devices, {.kind = std::string{of.device_kind},
                                  .model = std::string{of.device_model},
                                  .memory_bytes = of.device_memory_gib << 30});
  out.labels = {{"kind", std::string{name}},
                {"site", kind == node_kind::edge ? "edge" : "core"},
                {"zone", zone_name(number % zones)}};
  return out;
}

double run_time::mean_seconds() const {
  // E[min(X, c)] = m e^(s^2/2) Phi(a - s) + c (1 - Phi(a)), a = ln(c/m) / s.
  const auto normal_cdf
      = [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; };
  const auto cut = std::log(longest_seconds / median_seconds) / sigma;
  return median_seconds * std::exp(sigma * sigma / 2) * normal_cdf(cut - sigma)
         + longest_seconds * normal_cdf(-cut);
}

double run_time::draw_seconds(rng& random) const {
  return std::min(median_seconds * std::exp(sigma * random.normal()),
                  longest_seconds);
}

run_time run_time_of(workload_class of) {
  return run_times[static_cast<std::size_t>(of)];
}

drift_direction drift_of(workload_class of) {
  const auto rises = of == workload_class::training
                     || of == workload_class::inference
                     || of == workload_class::fpga;
  return rises ? drift_direction::rises : drift_direction::falls;
}

std::vector<synthetic_profile> synthetic_profiles(workload_class of) {
  profile_list out{of};
  switch (of) {
  case workload_class::service:
    add_services(out);
    break;
  case workload_class::batch:
    add_batch(out);
    break;
  case workload_class::training:
    add_training(out);
    break;
  case workload_class::inference:
    add_inference(out);
    break;
  case workload_class::fpga:
    add_fpga(out);
    break;
  case workload_class::memory:
    out.add(0.4, 4000, 128 * 1024);
    out.add(0.4, 8000, 256 * 1024);
    out.add(0.2, 8000, 512 * 1024);
    break;
  case workload_class::iot:
    out.add(0.5, 100, 64);
    out.add(0.3, 250, 128);
    out.add(0.2, 500, 256);
    break;
  }
  return out.take();
}

queueing_profile impossible_profile() {
  profile_list out{workload_class::training};
  out.add(1, 6000, 64 * 1024)
      .shape.devices.push_back({.models = {"no-such-model"}});
  return out.take().front().entry;
}

} // namespace skerry
