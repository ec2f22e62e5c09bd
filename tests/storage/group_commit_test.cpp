#include "storage/group_commit.hpp"
#include "tests/fresh_directory.hpp"

#include <atomic>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("storage/group_commit");

TEST_CASE("callbacks come in order, after their writes, all of them") {
  const fresh_directory place;
  auto kept = store::open(
      {.directory = place.path(), .kind = "control", .min_free_bytes = 0});
  REQUIRE(kept);
  std::vector<int> order;
  std::atomic<int> missing = 0;
  {
    group_commit commits{**kept, {.max_writes = 7}};
    for (int i = 0; i < 500; ++i) {
      std::vector<store_write> writes;
      if (i % 3 != 0)
        writes.push_back({"k" + std::to_string(i), "v"});
      commits.submit(std::move(writes), [&, i](const result<>& written) {
        order.push_back(i);
        const auto found = (*kept)->get("k" + std::to_string(i));
        if (!written || (i % 3 != 0 && !found->has_value()))
          ++missing;
      });
    }
  }
  REQUIRE(order.size() == 500);
  for (int i = 0; i < 500; ++i)
    CHECK(order[static_cast<std::size_t>(i)] == i);
  CHECK(missing == 0);
}
