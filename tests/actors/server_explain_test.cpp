#include "tests/actors/server_pair.hpp"

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/server_explain");

namespace {

v1::JobExplanation explained(server& at, const std::string& job) {
  v1::GetJobRequest request;
  request.set_id(job);
  const auto reply = call(at, &cluster_gateway::explain, request);
  REQUIRE(reply);
  return *reply;
}

v1::SubmitRequest large_job(std::uint32_t tasks, std::int64_t millicores) {
  auto request = job_of("j", tasks);
  request.mutable_jobs(0)
      ->mutable_groups(0)
      ->mutable_profile()
      ->mutable_demand()
      ->set_cpu_millicores(millicores);
  return request;
}

} // namespace

TEST_CASE_FIXTURE(server_pair,
                  "every cell says why, whichever server is asked") {
  auto near = eager_agent::attach(*a, "near");
  auto far = eager_agent::attach(*b, "far");
  REQUIRE(call(*a, &cluster_gateway::submit, large_job(1, 9'000)));
  v1::JobExplanation why;
  wait_until([&] { // Both nodes are there, and the cells have been asked.
    why = explained(*b, "j");
    return why.groups_size() == 1 && why.groups(0).cells_size() == 2
           && why.groups(0).cells(0).refusals_size() == 1
           && why.groups(0).cells(1).refusals_size() == 1;
  });
  CHECK(why.server() == "a");
  CHECK(why.unreachable_cells().empty());
  for (int i = 0; i < 2; ++i) {
    const auto& cell = why.groups(0).cells(i);
    CHECK(cell.cell() == (i == 0 ? "a" : "b"));
    CHECK(cell.infeasible());
    CHECK_FALSE(cell.has_smallest_change());
  }
}

TEST_CASE_FIXTURE(server_pair,
                  "a gang is refused at the task that is too many") {
  auto only = eager_agent::attach(*b, "only");
  auto gang = large_job(3, 4'000);
  gang.mutable_jobs(0)->set_gang(true);
  REQUIRE(call(*a, &cluster_gateway::submit, gang));
  v1::Decision cell;
  wait_until([&] {
    const auto why = explained(*a, "j");
    if (why.groups_size() != 1 || why.groups(0).cells_size() != 2)
      return false;
    cell = why.groups(0).cells(1);
    return cell.text().starts_with("2 of 3 tasks of the gang fit; the next ");
  });
  CHECK(cell.cell() == "b");
  CHECK_FALSE(cell.placed());
}

TEST_CASE_FIXTURE(server_pair, "a cell that is away is named") {
  REQUIRE(call(*a, &cluster_gateway::submit, job_of("j", 1)));
  b.reset();
  wait_for_servers(*a, 1);
  const auto why = explained(*a, "j");
  REQUIRE(why.unreachable_cells_size() == 1);
  CHECK(why.unreachable_cells(0) == "b");
  CHECK(why.groups(0).cells_size() == 1);
  v1::GetJobRequest nothing;
  nothing.set_id("nothing");
  CHECK(call(*a, &cluster_gateway::explain, nothing).failure().code
        == error_code::unreachable); // `b` may have it.
}

TEST_SUITE_END();
