#include "tests/cli/fake_cluster.hpp"
#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/doctor_command");

namespace {

json finding_of(const json& told, std::string_view what) {
  for (const auto& each : told["findings"])
    if (each["what"].get<std::string>().starts_with(what))
      return each;
  FAIL("no finding about ", what);
  return {};
}

} // namespace

TEST_CASE("the doctor finds what is well and what is not") {
  fake_cluster cluster;
  cluster.servers.answer = [](const auto&, auto& reply) {
    reply.set_answered_by("a");
    auto* up = reply.add_servers();
    up->set_name("a");
    up->set_reachable(true);
    up->set_version(SKERRY_PROJECT_VERSION);
    auto* down = reply.add_servers();
    down->set_name("b");
    down->set_silent_milliseconds(200'000);
    return grpc::Status::OK;
  };
  const fresh_directory folder;
  const auto file = folder.write("a.toml", "[server]\ndata = \"here\"\n"
                                           "min_free = \"1MiB\"\n");
  const auto ended = run_skerry({"doctor", "-o", "json", "--config", file,
                                 "--address", cluster.address()});
  CHECK(ended.exit_code == 1); // Server b.
  const auto told = json::parse(ended.out);
  CHECK(told["ok"] == false);
  CHECK(finding_of(told, "configuration")["state"] == "OK");
  CHECK(finding_of(told, "tls")["state"] == "OK");
  CHECK(finding_of(told, "address")["found"] == "a answers");
  CHECK(finding_of(told, "server a")["state"] == "OK");
  const auto down = finding_of(told, "server b");
  CHECK(down["state"] == "FAIL");
  CHECK(down["found"] == "silent for 3m");
  CHECK(down["mend"].get<std::string>().find("skerry forget-server b")
        != std::string::npos);
  CHECK(finding_of(told, "server's disk")["state"] == "OK");
  // Nobody has named one, and none is at the default's place.
  CHECK(ended.out.find("agent's disk") == std::string::npos);
  CHECK(finding_of(told, "cgroups")["state"] != "FAIL");
}

TEST_CASE("a broken configuration hides nothing else") {
  const fresh_directory folder;
  const auto file = folder.write("a.toml", "[servers]\n");
  const auto ended = run_skerry({"doctor", "-o", "json", "--config", file});
  CHECK(ended.exit_code == 1);
  const auto told = json::parse(ended.out);
  CHECK(finding_of(told, "configuration")["state"] == "FAIL");
  CHECK(finding_of(told, "clock")["what"] == "clock");
}

TEST_CASE("a folder without certificates is told") {
  const fresh_directory folder;
  const auto ended = run_skerry(
      {"doctor", "--tls", folder.path(), "--address", "127.0.0.1:1"});
  CHECK(ended.exit_code == 1);
  CHECK(ended.out.find("api-ca.pem") != std::string::npos);
  CHECK(ended.out.find("FAIL") != std::string::npos);
}

TEST_SUITE_END();
