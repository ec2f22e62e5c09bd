#include "actors/roster.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("actors/roster");

namespace {

using names = std::vector<std::string>;

mesh::v1::ServerHello hello_of(const std::string& name, std::uint64_t epoch,
                               std::uint64_t incarnation) {
  mesh::v1::ServerHello hello;
  hello.set_name(name);
  hello.set_epoch(epoch);
  hello.set_incarnation(incarnation);
  hello.set_schema(1);
  hello.set_mesh_address("127.0.0.1:" + std::to_string(7000 + epoch));
  return hello;
}

roster two_seeds() {
  return roster{{.name = "a", .own_address = "127.0.0.1:1"},
                {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}};
}

} // namespace

TEST_CASE("its own address is not dialed, the seeds are") {
  auto known = two_seeds();
  CHECK(known.to_dial(0) == names{"127.0.0.1:2", "127.0.0.1:3"});
}

TEST_CASE("an address that is being dialed is not dialed twice") {
  auto known = two_seeds();
  CHECK(known.to_dial(0).size() == 2);
  CHECK(known.to_dial(100).empty());
}

TEST_CASE("between failed dials the pause doubles up to its limit") {
  auto known = two_seeds();
  std::int64_t now = 0;
  for (const std::int64_t pause : {200, 400, 800, 1600, 3200, 5000, 5000}) {
    known.dial_failed("127.0.0.1:2", now);
    known.dial_failed("127.0.0.1:3", now + 1'000'000);
    CHECK(known.to_dial(now + pause - 1).empty());
    CHECK(known.to_dial(now + pause) == names{"127.0.0.1:2"});
    now += pause;
  }
}

TEST_CASE("a server of an earlier epoch than was heard is refused") {
  auto known = two_seeds();
  CHECK(known.heard(hello_of("b", 2, 20), {}, 0) == roster_verdict::changed);
  CHECK(known.heard(hello_of("b", 2, 20), {}, 0) == roster_verdict::known);
  CHECK(known.heard(hello_of("b", 1, 10), {}, 0) == roster_verdict::refused);
  CHECK(known.heard(hello_of("b", 3, 30), {}, 0) == roster_verdict::changed);
}

TEST_CASE("another schema is refused") {
  auto known = two_seeds();
  auto hello = hello_of("b", 1, 10);
  hello.set_schema(2);
  CHECK(known.heard(hello, {}, 0) == roster_verdict::refused);
  CHECK(known.peers(0).empty());
}

TEST_CASE("an address that answers as ourselves is not dialed again") {
  auto known = two_seeds();
  CHECK(known.heard(hello_of("a", 1, 10), "127.0.0.1:2", 0)
        == roster_verdict::refused);
  CHECK(known.to_dial(1'000'000) == names{"127.0.0.1:3"});
}

TEST_CASE("a reachable server that says nothing falls silent") {
  auto known = two_seeds();
  (void)known.heard(hello_of("b", 1, 10), {}, 0);
  CHECK(known.connected("b", 0));
  CHECK_FALSE(known.connected("b", 0));
  CHECK(known.silent(5'000).empty());
  CHECK(known.silent(5'001) == names{"b"});
  known.disconnected("b", 5'001);
  CHECK(known.silent(10'000).empty());
  CHECK_FALSE(known.peers(6'000).front().reachable);
}

TEST_CASE("a server that is forgotten is neither known nor dialed") {
  auto known = two_seeds();
  (void)known.heard(hello_of("b", 1, 10), {}, 0);
  CHECK(known.forget("b", 1));
  CHECK(known.peers(0).empty());
  CHECK(known.to_dial(0) == names{"127.0.0.1:2", "127.0.0.1:3"});
}

TEST_CASE("a server that is forgotten comes back in a later epoch only") {
  auto known = two_seeds();
  (void)known.heard(hello_of("b", 2, 20), {}, 0);
  CHECK(known.forget("b", 2));
  CHECK_FALSE(known.forget("b", 2)); // No news.
  CHECK(known.heard(hello_of("b", 2, 20), {}, 0) == roster_verdict::refused);
  CHECK(known.heard(hello_of("b", 3, 30), {}, 0) == roster_verdict::changed);
  CHECK(known.forgotten().empty());
  CHECK_FALSE(known.forget("b", 2)); // It has started again since.
  CHECK(known.peers(0).size() == 1);
}

TEST_CASE("what another server has forgotten is forgotten here") {
  auto known = two_seeds();
  (void)known.heard(hello_of("b", 2, 20), {}, 0);
  auto hello = hello_of("c", 1, 30);
  const auto gone = [&hello](const std::string& name, std::uint64_t epoch) {
    hello.clear_forgotten();
    hello.add_forgotten()->set_name(name);
    hello.mutable_forgotten(0)->set_epoch(epoch);
  };
  gone("b", 1); // Of a life before.
  CHECK(known.learn_forgotten(hello).empty());
  gone("b", 2);
  CHECK(known.learn_forgotten(hello).size() == 1);
  CHECK(known.learn_forgotten(hello).empty());
  CHECK(known.forgotten().at("b") == 2);
  CHECK(known.peers(0).empty());
}

TEST_CASE("that this server itself was given up is news to it") {
  roster known{{.name = "a", .epoch = 4, .own_address = "127.0.0.1:1"}, {}};
  mesh::v1::ServerHello hello;
  hello.add_forgotten()->set_name("a");
  hello.mutable_forgotten(0)->set_epoch(3); // A life before this one.
  CHECK(known.learn_forgotten(hello).empty());
  hello.mutable_forgotten(0)->set_epoch(4);
  CHECK(known.learn_forgotten(hello).contains("a"));
  CHECK(known.forgotten().empty());
}

TEST_CASE("others cannot make the list of the forgotten grow for ever") {
  roster known{{.name = "a", .epoch = 1, .own_address = {}, .max_forgotten = 2},
               {}};
  mesh::v1::ServerHello hello;
  for (const auto* name : {"b", "c", "d"})
    hello.add_forgotten()->set_name(name);
  CHECK(known.learn_forgotten(hello).size() == 2);
}

TEST_CASE("addresses are hosts and ports, also of IPv6") {
  CHECK(split_address("h:80")->port == 80);
  CHECK(split_address("[::1]:80")->is_loopback());
  CHECK_FALSE(split_address("h"));
  CHECK_FALSE(split_address(":80"));
  CHECK_FALSE(split_address("h:65536"));
}
