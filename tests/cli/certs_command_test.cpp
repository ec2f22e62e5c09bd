#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/certs_command");

TEST_CASE("a cluster's certificates are made and shown") {
  const fresh_directory directory;
  const auto folder = (directory.path() / "certs").string();
  const auto init = run_skerry({"certs", "init", folder, "-o", "json"});
  REQUIRE(init.exit_code == 0);
  CHECK(json::parse(init.out).at("files").size() == 4);
  const auto server
      = run_skerry({"certs", "server", "a", "--host", "a.example,10.0.0.1",
                    "--dir", folder, "-o", "json"});
  REQUIRE(server.exit_code == 0);
  const auto files = json::parse(server.out).at("files");
  CHECK(files.size() == 6);
  CHECK(files[0].at("path") == folder + "/server-a/api-ca.pem");
  CHECK(files[1].contains("expires"));
  CHECK_FALSE(files[2].contains("expires")); // A key.
  CHECK(run_skerry({"certs", "agent", "n", "--dir", folder}).exit_code == 0);
  CHECK(run_skerry({"certs", "client", "ann", "--dir", folder}).exit_code == 0);
  const auto shown = run_skerry({"certs", "show", folder, "-o", "json"});
  REQUIRE(shown.exit_code == 0);
  const auto certificates = json::parse(shown.out).at("certificates");
  CHECK(certificates.size() == 10); // 2 authorities, 4 + 2 + 2 in folders.
  for (const auto& each : certificates)
    CHECK(each.at("state") == "ok");
  const auto one = run_skerry({"certs", "show", folder + "/server-a/api.pem"});
  CHECK(one.out.find("spiffe://skerry/server/a") != std::string::npos);
  CHECK(one.out.find("a.example,10.0.0.1") != std::string::npos);
}

TEST_CASE("wrong input is refused and leaves nothing behind") {
  const fresh_directory directory;
  const auto folder = (directory.path() / "certs").string();
  check_refused({"certs", "agent", "n", "--dir", folder}, "skerry certs init");
  REQUIRE(run_skerry({"certs", "init", folder}).exit_code == 0);
  check_refused({"certs", "init", folder}, "--force");
  check_refused({"certs", "agent", "a/b", "--dir", folder}, "is no name");
  check_refused({"certs", "server", "a", "--host", "a b", "--dir", folder},
                "neither a DNS name nor an IP address");
  check_refused({"certs", "server", "a", "--host", "", "--dir", folder},
                "--host");
  check_refused({"certs", "agent", "n", "--days", "0", "--dir", folder},
                "--days");
  check_refused({"certs", "agent", "n", "--days", "9999", "--dir", folder},
                "outlive");
  check_refused({"certs", "show", folder + "/api-ca.key"}, "no certificate");
  check_refused({"certs", "show", folder + "/none.pem"}, "cannot read");
  check_refused({"certs"}, "subcommand");
  CHECK_FALSE(std::filesystem::exists(folder + "/agent-n"));
}

TEST_SUITE_END();
