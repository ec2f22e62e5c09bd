#include "actors/server.hpp"
#include "tests/free_port.hpp"
#include "tests/fresh_directory.hpp"

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/server_learner");

namespace {

constexpr std::chrono::seconds longest{20};

using learner_condition = v1::LearnerStatus;

/// Two servers with a learner each.
struct learning_cluster {
  fresh_directory place;
  std::map<std::string, std::string> addresses{{"a", free_address()},
                                               {"b", free_address()}};

  std::unique_ptr<server> start(const std::string& name) const {
    server_options options;
    options.name = name;
    options.data_directory = place.path() / name;
    options.mesh.listen = addresses.at(name);
    for (const auto& [other, address] : addresses)
      if (other != name)
        options.mesh.seeds.push_back(address);
    options.min_free_bytes = 0;
    options.learner = {.on = true,
                       .when_idle = false, // Tests fill cores.
                       .module_file = SKERRY_TRAINER};
    auto made = server::start(std::move(options));
    REQUIRE_MESSAGE(made, made.failure().message);
    return *std::move(made);
  }
};

/// Of the server `name`, as `at` hears of it.
learner_condition::State condition(server& at, const std::string& name) {
  auto answer = std::make_shared<std::promise<result<v1::LearnerReply>>>();
  auto future = answer->get_future();
  at.learner({}, [answer](result<v1::LearnerReply> reply) {
    answer->set_value(std::move(reply));
  });
  REQUIRE(future.wait_for(longest) == std::future_status::ready);
  const auto reply = future.get();
  REQUIRE(reply);
  for (const auto& one : reply->learners())
    if (one.server() == name)
      return one.state();
  return learner_condition::UNSPECIFIED;
}

template <class Condition>
void until(Condition holds) {
  const auto end = std::chrono::steady_clock::now() + longest;
  while (!holds()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

} // namespace

TEST_CASE_FIXTURE(learning_cluster,
                  "one of the servers trains, and another when it is gone") {
  auto a = start("a");
  auto b = start("b");
  // Without experience it waits; that is as far as it gets here.
  const auto in_order = [&] {
    return condition(*b, "a") == learner_condition::WAITING
           && condition(*b, "b") == learner_condition::STANDBY;
  };
  until(in_order);
  a.reset();
  until([&] { return condition(*b, "b") == learner_condition::WAITING; });
  a = start("a");
  until(in_order);
}

TEST_SUITE_END();
