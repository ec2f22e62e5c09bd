#include "actors/server.hpp"
#include "tests/free_port.hpp"
#include "tests/fresh_directory.hpp"

#include <future>
#include <memory>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::free_address;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("actors/server_league");

namespace {

std::unique_ptr<server> begin(const fresh_directory& place,
                              const std::string& address) {
  server_options options;
  options.name = "a";
  options.data_directory = place.path() / "a";
  options.mesh.listen = address;
  options.min_free_bytes = 0;
  return server::start(std::move(options)).value();
}

result<v1::PoliciesReply> tell(server& at, const v1::PolicyCommand& what) {
  auto promised = std::make_shared<std::promise<result<v1::PoliciesReply>>>();
  auto future = promised->get_future();
  at.policies(what, [promised](result<v1::PoliciesReply> reply) {
    promised->set_value(std::move(reply));
  });
  return future.get();
}

std::string policy_of(server& at) {
  auto promised = std::make_shared<std::promise<std::string>>();
  auto future = promised->get_future();
  at.servers({}, [promised](result<v1::ServersReply> reply) {
    promised->set_value(reply ? reply->servers(0).policy() : "none");
  });
  return future.get();
}

} // namespace

TEST_CASE("who an operator lets rule does so at once, and after a restart") {
  const fresh_directory place;
  const auto address = free_address();
  v1::PolicyCommand promote;
  promote.mutable_promote()->set_name("skerry");
  promote.mutable_promote()->set_at_once(true);
  {
    const auto a = begin(place, address);
    const auto told = tell(*a, promote);
    REQUIRE(told);
    CHECK(told->leagues(0).active() == "skerry");
    CHECK(policy_of(*a) == "skerry");
  }
  const auto again = begin(place, address);
  CHECK(policy_of(*again) == "skerry");
  promote.set_server("nobody");
  CHECK(tell(*again, promote).failure().code == error_code::not_found);
}

TEST_SUITE_END();
