#include "simulation/synthetic_catalogue.hpp"

#include <doctest/doctest.h>

using namespace skerry;

namespace {

std::vector<workload_class> all_classes() {
  std::vector<workload_class> out;
  for (std::size_t c = 0; c < workload_classes; ++c)
    out.push_back(static_cast<workload_class>(c));
  return out;
}

} // namespace

TEST_SUITE_BEGIN("simulation/synthetic_catalogue");

TEST_CASE("nodes are valid and named by kind") {
  for (std::size_t kind = 0; kind < node_kinds; ++kind)
    CHECK(validate(synthetic_node(static_cast<node_kind>(kind), 11)));
  const auto node = synthetic_node(node_kind::gpu_large, 4);
  CHECK(node.name == "gpu-large-5");
  CHECK(metered_of(node) == metered_amounts{96'000, 1 << 20, 8000, 0});
  CHECK(node.labels.back() == label{"zone", "zone-2"}); // 4 mod 3, from 1.
}

TEST_CASE("profiles are valid and their shares add up") {
  for (const auto of : all_classes()) {
    CAPTURE(workload_class_names[static_cast<std::size_t>(of)]);
    double sum = 0;
    for (const auto& profile : synthetic_profiles(of)) {
      CHECK(validate(profile.entry.profile));
      CHECK(profile.entry.task_class == static_cast<std::uint32_t>(of));
      CHECK(profile.entry.profile.expected_duration);
      sum += profile.share;
    }
    CHECK(sum == doctest::Approx(1));
  }
  CHECK(validate(impossible_profile().profile));
}

TEST_CASE("services are elastic and some are bound to a zone") {
  std::size_t bound = 0;
  for (const auto& profile : synthetic_profiles(workload_class::service)) {
    CHECK(profile.entry.profile.minimum);
    bound += profile.entry.profile.shape.constraints.size() > 1 ? 1 : 0;
  }
  CHECK(bound == 24); // 4 sizes, 2 ratios, 3 zones.
}

TEST_CASE("the mean run time is that of what is drawn") {
  rng random{1};
  for (const auto of : all_classes()) {
    const auto times = run_time_of(of);
    double sum = 0;
    constexpr int draws = 200'000;
    for (int i = 0; i < draws; ++i) {
      const auto drawn = times.draw_seconds(random);
      CHECK(drawn <= times.longest_seconds);
      sum += drawn;
    }
    // Deviations are at most 3 means (sigma 1.5): 3 / sqrt(200 000) is 0.7 %.
    CHECK(sum / draws == doctest::Approx(times.mean_seconds()).epsilon(0.02));
  }
}

TEST_CASE("a cut far away leaves the mean of a lognormal") {
  // e^(1/2) = 1.648721
  CHECK(run_time{100, 1, 1e9}.mean_seconds() == doctest::Approx(164.8721));
}

TEST_SUITE_END();
