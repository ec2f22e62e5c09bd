#include "api/addresses.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("api/addresses");

TEST_CASE("an address is a host and a port") {
  CHECK(parse_host_port("127.0.0.1:7070").value()
        == host_port{"127.0.0.1", 7070});
  CHECK(parse_host_port("[::1]:0").value() == host_port{"::1", 0});
  CHECK(parse_host_port("a.example:65535").value()
        == host_port{"a.example", 65535});
  CHECK(to_string(host_port{"::1", 80}) == "[::1]:80");
  CHECK(to_string(host_port{"a.example", 80}) == "a.example:80");
}

TEST_CASE("what is no address is refused with what is wrong") {
  for (const auto* text : {"", "7070", ":7070", "a:", "a:x", "a:70000", "a:-1",
                           "a:80x", "::1:7070", "[]:1", "unix:/a/b:1"}) {
    const auto at = parse_host_port(text);
    REQUIRE_FALSE(at);
    CHECK(at.failure().code == error_code::invalid_argument);
  }
  CHECK(parse_host_port(":7070").failure().message
        == "':7070' is no HOST:PORT: there is no host; 0.0.0.0 means all "
           "addresses; for example 127.0.0.1:7070 or [::1]:7070");
}

TEST_CASE("loopback is known by its address") {
  CHECK(is_loopback("localhost"));
  CHECK(is_loopback("127.0.0.1"));
  CHECK(is_loopback("127.9.9.9"));
  CHECK(is_loopback("::1"));
  CHECK_FALSE(is_loopback("0.0.0.0"));
  CHECK_FALSE(is_loopback("::"));
  CHECK_FALSE(is_loopback("10.0.0.1"));
  CHECK_FALSE(is_loopback("127.example"));
}

TEST_CASE("an address of another machine cannot be listened on") {
  // 192.0.2.0/24 is for documentation: no machine has it.
  const auto ok = check_can_listen({"192.0.2.1", 0});
  REQUIRE_FALSE(ok);
  CHECK(ok.failure().code == error_code::io_failed);
  CHECK(check_can_listen({"127.0.0.1", 0}));
}
