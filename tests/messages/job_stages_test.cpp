#include "messages/job_stages.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("messages/job_stages");

namespace {

v1::Job job_of(
    const std::vector<std::pair<std::string, std::vector<std::string>>>& all) {
  v1::Job job;
  for (const auto& [name, after] : all) {
    auto* group = job.add_groups();
    group->set_name(name);
    group->mutable_after()->Assign(after.begin(), after.end());
  }
  return job;
}

} // namespace

TEST_CASE("stages in any order are sound when they have one") {
  CHECK(check_stages(job_of({{"c", {"a", "b"}}, {"b", {"a"}}, {"a", {}}})));
}

TEST_CASE("a group after an unknown one is refused by name") {
  const auto refused = check_stages(job_of({{"a", {"x"}}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.failure().message
        == "group a is after x, which is no group of its job");
}

TEST_CASE("a cycle is refused by one of its own groups") {
  // d only follows the cycle of b and c.
  const auto refused = check_stages(
      job_of({{"d", {"c"}}, {"a", {}}, {"b", {"a", "c"}}, {"c", {"b"}}}));
  REQUIRE_FALSE(refused);
  const auto& why = refused.failure().message;
  CHECK((why.starts_with("group b ") || why.starts_with("group c ")));
  CHECK_FALSE(check_stages(job_of({{"a", {"a"}}})));
}

TEST_CASE("a gang has no stages") {
  auto gang = job_of({{"a", {}}, {"b", {"a"}}});
  gang.set_gang(true);
  CHECK_FALSE(check_stages(gang));
}
