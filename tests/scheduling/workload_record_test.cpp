#include "scheduling/workload_record.hpp"

#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/workload_record");

TEST_CASE("the last shapes are kept, and told when they have doubled") {
  workload_record record;
  std::vector<std::int64_t> told;
  constexpr std::int64_t all = 3 * workload_record::capacity;
  for (std::int64_t n = 1; n <= all; ++n)
    if (record.add({.demand = {millicores{n}, 1_GiB}}))
      told.push_back(n);
  CHECK(told
        == std::vector<std::int64_t>{64, 128, 256, 512, 1024, 2048, 4096, 8192,
                                     12288});
  REQUIRE(record.shapes().size() == workload_record::capacity);
  for (const auto& shape : record.shapes())
    CHECK(shape.demand[resource_kind::cpu]
          > all - std::int64_t{workload_record::capacity});
}

TEST_SUITE_END();
