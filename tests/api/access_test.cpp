#include "api/access.hpp"

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("api/access");

TEST_CASE("a certificate's URI says role and name") {
  CHECK(parse_identity("spiffe://skerry/agent/rack-1")
        == peer_identity{"agent", "rack-1"});
  CHECK(parse_identity("spiffe://skerry/client/ann")
        == peer_identity{"client", "ann"});
  CHECK(parse_identity("spiffe://skerry/server/a")
        == peer_identity{"server", "a"});
}

TEST_CASE("other URIs say nothing") {
  for (const auto* uri : {"", "spiffe://skerry/", "spiffe://skerry/agent",
                          "spiffe://skerry/agent/", "spiffe://skerry/king/a",
                          "spiffe://other/agent/a", "spiffe://skerry/agent/a/b",
                          "https://skerry/agent/a"})
    CHECK_FALSE(parse_identity(uri));
}

TEST_CASE("an agent speaks for its node and those named after it") {
  CHECK(may_speak_for("rack", "rack"));
  CHECK(may_speak_for("rack", "rack-17"));
  CHECK_FALSE(may_speak_for("rack", "rack2"));
  CHECK_FALSE(may_speak_for("rack-1", "rack"));
  CHECK_FALSE(may_speak_for("rack-1", "rack-17"));
  CHECK_FALSE(may_speak_for("", "rack"));
}
