#include "config/configuration.hpp"
#include "tests/fresh_directory.hpp"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("config/configuration");

namespace {

result<loaded_configuration> load_text(std::string_view text) {
  const fresh_directory folder;
  return load_configuration({.file = folder.write("skerry.toml", text)});
}

/// The message without the folder of the file.
std::string faults_of(std::string_view text) {
  const auto loaded = load_text(text);
  REQUIRE(!loaded);
  CHECK(loaded.failure().code == error_code::malformed);
  auto message = loaded.failure().message;
  while (true) {
    const auto end = message.find("/skerry.toml:");
    if (end == std::string::npos)
      return message;
    const auto line = message.rfind('\n', end);
    const auto begin = line == std::string::npos ? 0 : line + 1;
    message.erase(begin, end + 1 - begin);
  }
}

const effective_setting& setting_of(const loaded_configuration& loaded,
                                    std::string_view section,
                                    std::string_view key) {
  const auto found = std::ranges::find_if(
      loaded.settings, [&](const effective_setting& each) {
        return each.section == section && each.key == key;
      });
  REQUIRE(found != loaded.settings.end());
  return *found;
}

} // namespace

TEST_CASE("the sample names every setting, with its default") {
  const auto sample = load_configuration(
      {.file = SKERRY_SOURCE_DIR "/config/skerry.sample.toml"});
  const auto defaults = load_configuration({});
  REQUIRE(sample);
  REQUIRE(defaults);
  REQUIRE(sample->settings.size() == defaults->settings.size());
  for (std::size_t i = 0; i < sample->settings.size(); ++i) {
    const auto& in_sample = sample->settings[i];
    CAPTURE(in_sample.section);
    CAPTURE(in_sample.key);
    CHECK(in_sample.values == defaults->settings[i].values);
    CHECK(in_sample.from != "default");
    CHECK(defaults->settings[i].from == "default");
  }
}

TEST_CASE("what an agent offers has units and switches") {
  const auto loaded = load_text(
      "[agent]\nname = \"n\"\nlabels = [\"zone=a\"]\ncpu = 1.5\n"
      "memory = \"4GiB\"\nnetwork = \"10Gbps\"\nnamed = [\"licences=2\"]\n"
      "gpus = false\nstop_tasks_on_exit = true\n");
  REQUIRE(loaded);
  const auto& agent = loaded->values.agent;
  CHECK(agent.name == "n");
  CHECK(agent.labels == std::vector<std::string>{"zone=a"});
  CHECK(agent.cpu_millicores == 1500);
  CHECK(agent.memory_bytes == std::int64_t{4} << 30);
  CHECK(agent.network_bits_per_second == 10'000'000'000);
  CHECK(agent.named == std::vector<std::string>{"licences=2"});
  CHECK_FALSE(agent.gpus);
  CHECK(agent.stop_tasks_on_exit);
  CHECK(setting_of(*loaded, "agent", "gpus").values.front() == "false");
  const auto by_flag = load_configuration(
      {.flags = {{"agent.gpus", "false", "--no-gpus"},
                 {"agent.network", "100Mbps", "--network"}}});
  REQUIRE(by_flag);
  CHECK_FALSE(by_flag->values.agent.gpus);
  CHECK(by_flag->values.agent.network_bits_per_second == 100'000'000);
  CHECK_FALSE(
      load_configuration({.environment = {{"SKERRY_AGENT_GPUS", "no"}}}));
}

TEST_CASE("a tenant has a section of its own") {
  const auto loaded = load_text(R"(
[tenants.science]
weight = 2.5
quota = { cpu = "1500m", memory = "1GiB", gpus = 2 }
[tenants.web]
)");
  REQUIRE(loaded);
  REQUIRE(loaded->values.tenants.size() == 2);
  const auto& science = loaded->values.tenants[0];
  CHECK(science.name == "science");
  CHECK(science.weight_milli == 2500);
  CHECK(science.cpu_millicores == 1500);
  CHECK(science.memory_bytes == std::int64_t{1} << 30);
  CHECK(science.gpu_milli == 2000);
  CHECK(loaded->values.tenants[1].weight_milli == 1000);
  const auto& shown = setting_of(*loaded, "tenants.science", "quota.gpus");
  CHECK(shown.values.front() == "2");
  CHECK(shown.from.ends_with(":4"));
  CHECK(faults_of("[tenants.a]\nweight = 0\nquota = { cpus = 1 }\n")
            .find("tenants.a.quota.cpus")
        != std::string::npos);
}

TEST_CASE("flags stand above the environment, it above the file") {
  const fresh_directory folder;
  const auto file = folder.write(
      "skerry.toml", "[client]\naddresses = [\"f:1\"]\ntimeout = \"1s\"\n"
                     "[server]\nname = \"file\"\n");
  const auto loaded = load_configuration(
      {.file = file,
       .environment = {{"SKERRY_SERVER_NAME", "environment"},
                       {"SKERRY_CLIENT_TIMEOUT", "2s"},
                       {"SKERRY_AGENT_SERVERS", "a:1,b:2"}},
       .flags = {{"client.timeout", "3s", "--timeout"}}});
  REQUIRE(loaded);
  const auto& values = loaded->values;
  CHECK(values.client.addresses == std::vector<std::string>{"f:1"});
  CHECK(values.server.name == "environment");
  CHECK(values.agent.servers == std::vector<std::string>{"a:1", "b:2"});
  CHECK(values.client.timeout_milliseconds == 3000);
  CHECK(setting_of(*loaded, "client", "addresses").from == file + ":2");
  CHECK(setting_of(*loaded, "server", "name").from == "SKERRY_SERVER_NAME");
  CHECK(setting_of(*loaded, "client", "timeout").from == "--timeout");
  CHECK(setting_of(*loaded, "server", "data").from == "default");
}

TEST_CASE("short variables set what they are short for") {
  const auto loaded
      = load_configuration({.environment = {{"SKERRY_ADDRESS", "a:1,[::1]:2"},
                                            {"SKERRY_TLS", "certs"}}});
  REQUIRE(loaded);
  CHECK(loaded->values.client.addresses
        == std::vector<std::string>{"a:1", "[::1]:2"});
  CHECK(loaded->values.tls.directory == "certs");
  CHECK(loaded->values.client_tls() == "certs");
}

TEST_CASE("all faults are told at once, by place") {
  CHECK(faults_of("[server]\n"
                  "nam = \"a\"\n"
                  "listen = 7\n"
                  "seeds = [\"a\", \"b:1\"]\n"
                  "[limit]\n"
                  "[timing]\n"
                  "lease = \"ten\"\n"
                  "[policy]\n"
                  "seed = -1\n")
        == "skerry.toml:2:1: there is no \"server.nam\" here (did you mean "
           "\"name\"?)\n"
           "skerry.toml:3:10: server.listen is a whole number; wanted is a "
           "string\n"
           "skerry.toml:4:9: server.seeds: \"a\" is not HOST:PORT\n"
           "skerry.toml:5:2: there is no \"limit\" here (did you mean "
           "\"limits\"?)\n"
           "skerry.toml:7:9: timing.lease: \"ten\" is not a duration, for "
           "example \"30s\", \"250ms\" or \"1h30m\"\n"
           "skerry.toml:9:8: policy.seed is -1; wanted is a whole number, 0 or "
           "more");
}

TEST_CASE("a value out of its range is refused") {
  CHECK(faults_of("[timing]\nlease = \"1ms\"\n")
        == "skerry.toml:2:9: timing.lease: 1ms is too small");
  CHECK(faults_of("[limits]\nlive_tasks = 0\n")
        == "skerry.toml:2:14: limits.live_tasks is 0; wanted is a whole number "
           "from 1 to 100000000");
  CHECK(faults_of("[policy]\nname = \"worst\"\n")
            .starts_with("skerry.toml:2:8: policy.name: there is no policy "
                         "\"worst\"; known are skerry"));
  CHECK(faults_of("[server]\nname = \"a b\"\n")
            .starts_with("skerry.toml:2:8: server.name: "));
  CHECK(faults_of("[agent]\nlabels = [\"zone\"]\n")
        == "skerry.toml:2:10: agent.labels: \"zone\" is not KEY=VALUE");
  CHECK(faults_of("client = 3\n")
        == "skerry.toml:1:10: client is a whole number; wanted is a table");
}

TEST_CASE("a text that is not TOML is refused with its place") {
  CHECK(faults_of("[server\n").starts_with("skerry.toml:1:8: "));
}

TEST_CASE("settings that do not fit together are refused") {
  CHECK(faults_of("[timing]\nlease = \"2s\"\n")
            .starts_with("timing.heartbeat is more than a third"));
  CHECK(faults_of("[client]\naddresses = []\n")
            .starts_with("client.addresses is empty"));
}

TEST_CASE("faults of variables and flags name them, beside those of the file") {
  const fresh_directory folder;
  const auto loaded = load_configuration(
      {.file = folder.write("skerry.toml", "[server]\nx = 1\n"),
       .environment
       = {{"SKERRY_ADDRESS", "nowhere"}, {"SKERRY_POLICY_SEED", "many"}},
       .flags = {{"client.timeout", "soon", "--timeout"}}});
  REQUIRE(!loaded);
  const auto& text = loaded.failure().message;
  CAPTURE(text);
  CHECK(text.find("skerry.toml:2:1: there is no \"server.x\" here")
        != std::string::npos);
  CHECK(text.find("\nSKERRY_ADDRESS: \"nowhere\" is not HOST:PORT\n")
        != std::string::npos);
  CHECK(text.find("\nSKERRY_POLICY_SEED: \"many\" is not a whole number")
        != std::string::npos);
  CHECK(text.find("\n--timeout: \"soon\" is not a duration")
        != std::string::npos);
}

TEST_CASE("a variable that looks like a slip is noted and ignored") {
  // A container's service links are of this form, too.
  const auto loaded
      = load_configuration({.environment = {{"SKERRY_SERVER_NAEM", "a"},
                                            {"SKERRY_CONFIG", "x"},
                                            {"SKERRY_TEST_SOMETHING", "x"}}});
  REQUIRE(loaded);
  REQUIRE(loaded->notes.size() == 1);
  CHECK(loaded->notes[0]
        == "SKERRY_SERVER_NAEM is not a setting and is ignored (did you mean "
           "\"SKERRY_SERVER_NAME\"?)");
}

TEST_CASE("a file that is not there is an error") {
  const auto loaded = load_configuration({.file = "no/such/file.toml"});
  REQUIRE(!loaded);
  CHECK(loaded.failure().code == error_code::io_failed);
  CHECK(loaded.failure().message.starts_with("cannot read no/such/file.toml"));
}

TEST_CASE("an address is a host and a port") {
  for (const auto* good : {"a:1", "127.0.0.1:65535", "[::1]:7070"})
    CHECK(check_address(good, false));
  for (const auto* bad : {"", "a", "a:", ":1", "a:0", "a:65536", "::1:7070",
                          "a:1x", "a b:1", "http://a:1"})
    CHECK(!check_address(bad, false));
  CHECK(check_address("a:0", true));
}

TEST_SUITE_END();
