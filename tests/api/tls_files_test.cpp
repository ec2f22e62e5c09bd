#include "api/certificates.hpp"
#include "api/tls_files.hpp"
#include "tests/fresh_directory.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
namespace fs = std::filesystem;

TEST_SUITE_BEGIN("api/tls_files");

namespace {

constexpr std::int64_t now = 1'800'000'000;
constexpr std::int64_t day = 86'400;

/// The folder of a client, in a cluster of its own.
struct client_folder {
  client_folder() {
    const certificate_options options{
        .folder = directory.path(), .days = 30, .force = false, .now = now};
    REQUIRE(make_authorities(options));
    REQUIRE(make_certificates(options, {"client", "ann", {}}));
  }

  fs::path path() const { return directory.path() / "client-ann"; }
  void replace(const std::string& file, const std::string& text) const {
    std::ofstream{path() / file, std::ios::binary} << text;
  }
  std::string fault(std::int64_t at = now) const {
    const auto files = load_tls_files(path(), "api", tls_side::client, at);
    if (files)
      return "";
    CHECK(files.failure().code == error_code::invalid_argument);
    return files.failure().message;
  }

  fresh_directory directory;
};

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("files that belong together are loaded") {
  const client_folder client;
  CHECK(client.fault() == "");
  const auto files
      = load_tls_files(client.path(), "api", tls_side::client, now);
  REQUIRE(files);
  CHECK(files->authority.starts_with("-----BEGIN CERTIFICATE-----"));
  CHECK(files->key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

TEST_CASE("a certificate that is too old or too new is named with its time") {
  const client_folder client;
  // The certificate and its authority end in the same second.
  CHECK(contains(client.fault(now + 31 * day), "has expired on 2027-02-14"));
  CHECK(contains(client.fault(now - day), "is valid from 2027-01-15"));
}

TEST_CASE("a certificate of another cluster is refused") {
  const client_folder client;
  const client_folder other;
  client.replace("api-ca.pem", read_bytes((other.path() / "api-ca.pem")));
  CHECK(contains(client.fault(), "is not signed by"));
  CHECK(contains(client.fault(), "the same 'skerry certs init'"));
}

TEST_CASE("the key of another certificate is refused") {
  const client_folder client;
  const client_folder other;
  client.replace("api.key", read_bytes((other.path() / "api.key")));
  CHECK(contains(client.fault(), "does not belong to the certificate"));
}

TEST_CASE("files that are missing or are something else are named") {
  const client_folder client;
  client.replace("api.key", "nonsense");
  CHECK(contains(client.fault(), "there is no private key in"));
  client.replace("api.pem", "nonsense");
  CHECK(contains(client.fault(), "there is no certificate in"));
  fs::remove(client.path() / "api.pem");
  CHECK(contains(client.fault(), "api.pem: No such file or directory"));
  client.replace("api-ca.pem", std::string(2u << 20, 'a'));
  CHECK(contains(client.fault(), "is no PEM file"));
}

TEST_CASE("two authorities in one file are both trusted, as in a change") {
  const client_folder client;
  const client_folder other;
  client.replace("api-ca.pem",
                 read_bytes((other.path() / "api-ca.pem"))
                     + read_bytes((client.directory.path() / "api-ca.pem")));
  CHECK(client.fault() == "");
}

TEST_CASE("times are told in UTC") {
  CHECK(utc_text(0) == "1970-01-01 00:00:00 UTC");
  CHECK(utc_text(now) == "2027-01-15 08:00:00 UTC");
}
