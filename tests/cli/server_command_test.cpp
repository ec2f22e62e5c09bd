#include "tests/cli/process.hpp"

#include <csignal>
#include <filesystem>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace skerry::testing;

TEST_SUITE_BEGIN("cli/server_command");

namespace {

std::vector<std::string> server_in(const fresh_directory& folder) {
  return {"server",   "--name",      "a",        "--data", folder.path() / "a",
          "--listen", "127.0.0.1:0", "--no-mesh"};
}

/// Waits for the line that says so.
std::string ready_line(skerry_process& server) {
  for (int i = 0; i < 6000 && !server.has_ended(); ++i) {
    const auto text = server.err_so_far();
    const auto begin = text.find("skerry: server ");
    const auto end = text.find('\n', begin);
    if (begin != std::string::npos && end != std::string::npos)
      return text.substr(begin, end - begin);
    ::usleep(10'000);
  }
  return {};
}

} // namespace

TEST_CASE("a server says when it is ready and ends in peace on SIGTERM") {
  const fresh_directory folder;
  for (const auto* epoch : {"epoch 1", "epoch 2"}) {
    skerry_process server{server_in(folder)};
    const auto line = ready_line(server);
    CAPTURE(line);
    CHECK(line.starts_with("skerry: server a ready, api 127.0.0.1:"));
    CHECK(line.ends_with(std::string{", mesh none, "} + epoch));
    server.send(SIGTERM);
    const auto ended = server.wait();
    CAPTURE(ended.err);
    CHECK(ended.exit_code == 0);
    CHECK(ended.out.empty());
  }
}

TEST_CASE("one server alone has the data") {
  const fresh_directory folder;
  skerry_process server{server_in(folder)};
  REQUIRE(!ready_line(server).empty());
  const auto second = run_skerry(server_in(folder));
  CAPTURE(second.err);
  CHECK(second.exit_code == 5);
  CHECK(second.err.starts_with("skerry: error: "));
}

TEST_CASE("damaged state is refused loudly") {
  const fresh_directory folder;
  {
    skerry_process server{server_in(folder)};
    REQUIRE(!ready_line(server).empty());
    server.send(SIGTERM);
    CHECK(server.wait().exit_code == 0);
  }
  std::size_t damaged = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator{folder.path()})
    if (file.path().filename() == "CURRENT") {
      std::filesystem::resize_file(file.path(), 0);
      ++damaged;
    }
  REQUIRE(damaged > 0);
  const auto ended = run_skerry(server_in(folder));
  CAPTURE(ended.err);
  CHECK(ended.exit_code == 1);
  CHECK(ended.err.starts_with("skerry: error: "));
}

TEST_CASE("an address for everybody needs certificates") {
  const fresh_directory folder;
  check_refused({"server", "--name", "a", "--data", folder.path() / "a",
                 "--listen", "0.0.0.0:0", "--no-mesh"},
                "0.0.0.0");
}

TEST_CASE("flags that are wrong are refused") {
  check_refused(words("server --name a --listen nowhere"),
                "--listen: \"nowhere\" is not HOST:PORT");
  check_refused(words("server --name a --policy worst"),
                "--policy: there is no policy \"worst\"");
  check_refused(words("server --name a --no-mesh --mesh-listen a:1"),
                "--no-mesh");
}

TEST_SUITE_END();
