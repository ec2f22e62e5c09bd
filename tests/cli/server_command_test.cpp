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

/// Of the server a, the agent n1 and the client ann.
std::filesystem::path make_certificates(const fresh_directory& folder) {
  const auto certs = folder.path() / "certs";
  for (auto words_of : {words("init"), words("server a --host 127.0.0.1"),
                        words("agent n1"), words("client ann")}) {
    words_of.insert(words_of.begin(), "certs");
    if (words_of[1] == "init")
      words_of.push_back(certs);
    else
      words_of.insert(words_of.end(), {"--dir", certs});
    CHECK(run_skerry(words_of).exit_code == 0);
  }
  return certs;
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

TEST_CASE("certificates of another role are refused with what to do") {
  const fresh_directory folder;
  const auto certs = make_certificates(folder);
  for (const auto* other : {"client-ann", "agent-n1"})
    check_refused({"server", "--name", "a", "--data", folder.path() / "a",
                   "--listen", "127.0.0.1:0", "--mesh-listen", "127.0.0.1:1",
                   "--tls", certs / other},
                  "api.pem is not for a server; use a folder that 'skerry "
                  "certs server' made");
}

TEST_CASE("who speaks no TLS to a server that does is told so") {
  const fresh_directory folder;
  const auto certs = make_certificates(folder);
  auto with_tls = server_in(folder);
  with_tls.insert(with_tls.end(), {"--tls", certs / "server-a"});
  skerry_process server{with_tls};
  const auto line = ready_line(server);
  REQUIRE(line.find("api ") != std::string::npos);
  const auto begin = line.find("api ") + 4;
  const auto address = line.substr(begin, line.find(',', begin) - begin);
  const auto user = run_skerry({"get", "servers", "--address", address});
  CHECK(user.exit_code == 4);
  CHECK(user.err
        == "skerry: error: cannot reach " + address
               + ": Socket closed; it may speak TLS: give the folder of your "
                 "certificates with --tls or SKERRY_TLS\n");
  const auto says
      = [&](const std::vector<std::string>& how, const std::string& what) {
          std::vector<std::string> arguments{
              "agent",      "--server", address, "--data", folder.path() / "n",
              "--simulate", "name=n1-"};
          arguments.insert(arguments.end(), how.begin(), how.end());
          skerry_process agent{arguments};
          for (int i = 0; i < 6000; ++i) {
            if (agent.err_so_far().find(what) != std::string::npos)
              return true;
            ::usleep(10'000);
          }
          return false;
        };
  CHECK(says({}, "it may speak TLS: give the folder"));
  CHECK(says({"--tls", certs / "client-ann"},
             "a certificate of role 'client' may not call this service"));
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
