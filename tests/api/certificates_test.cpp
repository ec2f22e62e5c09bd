#include "api/certificates.hpp"
#include "api/tls_files.hpp"
#include "tests/fresh_directory.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
namespace fs = std::filesystem;

TEST_SUITE_BEGIN("api/certificates");

namespace {

constexpr std::int64_t now = 1'800'000'000; ///< In January 2027.

certificate_options in(const fs::path& folder, int days = 365) {
  return {.folder = folder, .days = days, .force = false, .now = now};
}

int mode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0
             ? static_cast<int>(status.st_mode & 0777)
             : -1;
}

template <class T>
error_code code_of(const result<T>& outcome) {
  REQUIRE_FALSE(outcome);
  return outcome.failure().code;
}

certificate_info info_of(const fs::path& path) {
  auto info = read_certificate(read_bytes(path.string()));
  REQUIRE(info);
  return *info;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{folder})
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace

TEST_CASE("a server's folder has all that it shows and trusts") {
  const fresh_directory directory;
  const auto folder = directory.path() / "certs";
  REQUIRE(make_authorities(in(folder, 3650)));
  CHECK(names_in(folder)
        == std::vector<std::string>{"api-ca.key", "api-ca.pem", "mesh-ca.key",
                                    "mesh-ca.pem"});
  CHECK(mode_of(folder) == 0700);
  CHECK(mode_of(folder / "api-ca.key") == 0600);
  const auto made = make_certificates(
      in(folder), {"server", "a", {"a.example", "10.0.0.1", "::1"}});
  REQUIRE(made);
  CHECK(made->size() == 6);
  const auto server = folder / "server-a";
  CHECK(names_in(server)
        == std::vector<std::string>{"api-ca.pem", "api.key", "api.pem",
                                    "mesh-ca.pem", "mesh.key", "mesh.pem"});
  CHECK(mode_of(server) == 0700);
  CHECK(mode_of(server / "api.key") == 0600);
  CHECK(mode_of(server / "mesh.key") == 0600);
  const auto info = info_of(server / "api.pem");
  CHECK(info.uri == "spiffe://skerry/server/a");
  CHECK(info.hosts == std::vector<std::string>{"a.example", "10.0.0.1", "::1"});
  CHECK(info.issuer == "CN=skerry api-ca,O=skerry");
  CHECK_FALSE(info.is_authority);
  CHECK(info.valid_until == now + 365 * 86'400);
  CHECK(info_of(server / "mesh.pem").issuer == "CN=skerry mesh-ca,O=skerry");
  CHECK(load_tls_files(server, "api", tls_side::server, now));
  CHECK(load_tls_files(server, "api", tls_side::client, now));
  CHECK(load_tls_files(server, "mesh", tls_side::server, now));
}

TEST_CASE("agents and clients cannot pass for a server, nor join the mesh") {
  const fresh_directory directory;
  REQUIRE(make_authorities(in(directory.path())));
  for (const std::string role : {"agent", "client"}) {
    REQUIRE(make_certificates(in(directory.path()), {role, "x", {}}));
    const auto folder = directory.path() / (role + "-x");
    CHECK(names_in(folder)
          == std::vector<std::string>{"api-ca.pem", "api.key", "api.pem"});
    CHECK(info_of(folder / "api.pem").uri == "spiffe://skerry/" + role + "/x");
    CHECK(load_tls_files(folder, "api", tls_side::client, now));
    const auto as_server = load_tls_files(folder, "api", tls_side::server, now);
    REQUIRE_FALSE(as_server);
    CHECK(as_server.failure().message.find("is not for a server")
          != std::string::npos);
  }
}

TEST_CASE("nothing is replaced unless forced") {
  const fresh_directory directory;
  const auto& folder = directory.path();
  REQUIRE(make_authorities(in(folder)));
  REQUIRE(make_certificates(in(folder), {"agent", "x", {}}));
  const auto authority = read_bytes((folder / "api-ca.pem").string());
  const auto agent = read_bytes((folder / "agent-x/api.pem").string());
  CHECK(code_of(make_authorities(in(folder))) == error_code::already_exists);
  CHECK(code_of(make_certificates(in(folder), {"agent", "x", {}}))
        == error_code::already_exists);
  CHECK(read_bytes((folder / "api-ca.pem").string()) == authority);
  CHECK(read_bytes((folder / "agent-x/api.pem").string()) == agent);
  auto forced = in(folder);
  forced.force = true;
  CHECK(make_certificates(forced, {"agent", "x", {}}));
  CHECK(read_bytes((folder / "agent-x/api.pem").string()) != agent);
  CHECK(load_tls_files(folder / "agent-x", "api", tls_side::client, now));
  CHECK(make_authorities(forced));
  CHECK(read_bytes((folder / "api-ca.pem").string()) != authority);
  // The old certificate is of the old authority.
  fs::copy_file(folder / "api-ca.pem", folder / "agent-x/api-ca.pem",
                fs::copy_options::overwrite_existing);
  CHECK_FALSE(load_tls_files(folder / "agent-x", "api", tls_side::client, now));
  // Nothing unfinished is left.
  CHECK(names_in(folder).size() == 5);
}

TEST_CASE("an authority that is half there is not completed") {
  const fresh_directory directory;
  directory.write("mesh-ca.key", "mine");
  CHECK(code_of(make_authorities(in(directory.path())))
        == error_code::already_exists);
  CHECK(names_in(directory.path()) == std::vector<std::string>{"mesh-ca.key"});
}

TEST_CASE("what cannot be made is refused") {
  const fresh_directory directory;
  const auto& folder = directory.path();
  CHECK(code_of(make_certificates(in(folder), {"agent", "x", {}}))
        == error_code::not_found);
  REQUIRE(make_authorities(in(folder)));
  const auto refused = [&](certificate_subject subject) {
    return code_of(make_certificates(in(folder), subject));
  };
  for (const auto* name : {"", ".", "..", "a/b", "a b", "a,URI:x"})
    CHECK(refused({"agent", name, {}}) == error_code::invalid_argument);
  CHECK(refused({"agent", std::string(65, 'a'), {}})
        == error_code::invalid_argument);
  for (const auto* host : {"", "a b", "a,DNS:b", "-a", "a..b", "10.0.0.1/8"})
    CHECK(refused({"server", "a", {host}}) == error_code::invalid_argument);
  CHECK(code_of(make_authorities(in(folder / "x", 0)))
        == error_code::invalid_argument);
  // A certificate does not outlive its authority.
  CHECK(code_of(make_certificates(in(folder, 367), {"agent", "x", {}}))
        == error_code::invalid_argument);
  CHECK(names_in(folder).size() == 4);
}

TEST_CASE("a folder that cannot be written is said to be") {
  const fresh_directory directory;
  directory.write("file", "");
  const auto made = make_authorities(in(directory.path() / "file"));
  CHECK(code_of(made) == error_code::io_failed);
}
