#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/config_command");

TEST_CASE("config check finds all faults, a line each") {
  const fresh_directory folder;
  const auto file = folder.write("a.toml", "[server]\nnam = 1\n[limit]\n");
  const auto ended = run_skerry({"config", "check", file});
  CHECK(ended.exit_code == 2);
  CHECK(ended.out.empty());
  CHECK(ended.err.starts_with("skerry: error: " + file + ":2:1: there is no "));
  CHECK(ended.err.find("\nskerry: error: " + file + ":3:2: there is no ")
        != std::string::npos);
}

TEST_CASE("config check likes the sample") {
  const std::string sample = SKERRY_SOURCE_DIR "/config/skerry.sample.toml";
  const auto ended = run_skerry({"config", "check", sample});
  CHECK(ended.exit_code == 0);
  CHECK(ended.out == sample + " is good\n");
}

TEST_CASE("config show says where each value comes from") {
  const fresh_directory folder;
  const auto file = folder.write("a.toml", "[client]\ntimeout = \"3s\"\n");
  const auto ended = run_skerry(
      {"config", "show", "-o", "json", "--config", file, "--tls", "certs"});
  REQUIRE(ended.exit_code == 0);
  const auto shown = json::parse(ended.out);
  CHECK(shown["file"] == file);
  const auto from = [&shown](std::string_view key) {
    for (const auto& each : shown["settings"])
      if (each["key"] == key)
        return each["from"].get<std::string>();
    return std::string{};
  };
  CHECK(from("timeout") == file + ":2");
  CHECK(from("directory") == "--tls");
  CHECK(from("lease") == "default");
  const auto table = run_skerry({"config", "show", "--config", file});
  CHECK(table.out.starts_with("SETTING"));
  CHECK(table.out.find("\nclient.timeout") != std::string::npos);
}

TEST_CASE("an agent can be described in the configuration alone") {
  const fresh_directory folder;
  const auto file = folder.write(
      "a.toml", "[agent]\nservers = [\"127.0.0.1:1\"]\ndata = \""
                    + (folder.path() / "n").string()
                    + "\"\nsimulate = \"count=2,name=x-\"\nseed = 7\n");
  skerry_process agent{{"agent", "--config", file}};
  for (int i = 0;
       i < 6000
       && agent.err_so_far().find("agent_started") == std::string::npos;
       ++i)
    ::usleep(10'000);
  CHECK(agent.err_so_far().find("agent_started node=x-0 nodes=2")
        != std::string::npos);
  agent.send(SIGTERM);
  CHECK(agent.wait().exit_code == 0);
}

TEST_CASE("an agent's flags and settings are held to the same") {
  check_refused(words("agent --cpu fast"), "--cpu: \"fast\" is not");
  check_refused(words("agent --enforce v3"), "--enforce: \"v3\" is not v2");
  check_refused(words("agent --named licences"), "is not NAME=NUMBER");
  check_refused(words("agent --network fast"), "--network: \"fast\" is not");
  const fresh_directory folder;
  const auto file = folder.write(
      "a.toml", "[agent]\ncpu = \"fast\"\nenforce = \"v3\"\ngpus = 1\n");
  const auto ended = run_skerry({"config", "check", file});
  CHECK(ended.exit_code == 2);
  CHECK(ended.err.find(":2:7: agent.cpu") != std::string::npos);
  CHECK(ended.err.find(":3:11: agent.enforce") != std::string::npos);
  CHECK(ended.err.find(":4:8: agent.gpus") != std::string::npos);
}

TEST_CASE("a configuration that is named must be there") {
  check_refused({"config", "show", "--config", "no-such-file"},
                "cannot read no-such-file");
}

TEST_SUITE_END();
