#include "agent/cgroup.hpp"
#include "cli/doctor.hpp"
#include "config/configuration.hpp"
#include "config/units.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/timex.h>
#include <system_error>

namespace skerry {
namespace {

namespace fs = std::filesystem;

struct free_openssl {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

template <class T>
using owned = std::unique_ptr<T, free_openssl>;

owned<BIO> bio_of(const std::string& text) {
  return owned<BIO>{
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

constexpr auto renew = "make new certificates: skerry certs --help";

/// Days until the certificate expires, less than 0 when it has.
int days_left(const X509& certificate) {
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(&certificate))
      != 1)
    return -1;
  return seconds < 0 ? days - 1 : days;
}

finding check_expiry(const std::string& file, const X509& certificate) {
  const auto days = days_left(certificate);
  constexpr int soon = 30;
  if (days < 0)
    return {health::fail, file, "has expired", renew};
  return {days < soon ? health::warn : health::ok, file,
          fmt::format("valid for {} days", days), days < soon ? renew : ""};
}

/// The nearest directory above that exists.
fs::path existing(fs::path directory) {
  std::error_code ignored; // What cannot be seen counts as not there.
  directory = fs::absolute(directory, ignored);
  while (!fs::exists(directory, ignored) && directory.has_relative_path())
    directory = directory.parent_path();
  return directory;
}

} // namespace

std::string_view to_string(health state) {
  switch (state) {
  case health::ok:
    return "OK";
  case health::warn:
    return "WARN";
  case health::fail:
    return "FAIL";
  }
  return "FAIL";
}

std::vector<finding> check_certificates(const std::string& directory) {
  if (directory.empty())
    return {{health::ok, "tls", "off; servers on loopback alone", ""}};
  std::vector<finding> found;
  std::array<std::string, 3> texts;
  const std::array<std::string, 3> files{directory + "/api-ca.pem",
                                         directory + "/api.pem",
                                         directory + "/api.key"};
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto text = read_text_file(files[i], 1 << 20);
    if (!text) {
      found.push_back({health::fail, files[i], text.failure().message,
                       "name the right folder with --tls or tls.directory"});
      continue;
    }
    texts[i] = *std::move(text);
  }
  if (!found.empty())
    return found;
  std::array<owned<X509>, 2> certificates;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    certificates[i].reset(
        PEM_read_bio_X509(bio_of(texts[i]).get(), nullptr, nullptr, nullptr));
    found.push_back(certificates[i] ? check_expiry(files[i], *certificates[i])
                                    : finding{health::fail, files[i],
                                              "is no certificate", renew});
  }
  const owned<EVP_PKEY> key{PEM_read_bio_PrivateKey(bio_of(texts[2]).get(),
                                                    nullptr, nullptr, nullptr)};
  if (!key)
    found.push_back({health::fail, files[2], "is no private key", renew});
  else if (certificates[1]
           && X509_check_private_key(certificates[1].get(), key.get()) != 1)
    found.push_back(
        {health::fail, files[2], "is not the key of " + files[1], renew});
  else if (certificates[0] && certificates[1]
           && X509_check_issued(certificates[0].get(), certificates[1].get())
                  != X509_V_OK)
    found.push_back(
        {health::fail, files[1], "was not signed by " + files[0], renew});
  else
    found.push_back({health::ok, files[2], "fits its certificate", ""});
  std::error_code ignored; // It has just been read.
  if ((fs::status(files[2], ignored).permissions() & fs::perms::others_read)
      != fs::perms::none)
    found.push_back({health::warn, files[2], "can be read by everybody",
                     "chmod 600 " + files[2]});
  return found;
}

finding check_disk(std::string_view what, const std::string& directory,
                   std::int64_t min_free_bytes) {
  const auto place = existing(directory);
  std::error_code fault;
  const auto space = fs::space(place, fault);
  const auto name = fmt::format("{} {}", what, directory);
  if (fault)
    return {health::fail, name, fault.message(),
            "choose another directory, or give the rights to this one"};
  const auto free = static_cast<std::int64_t>(space.available);
  const auto text = fmt::format("{} free{}", bytes_text(free),
                                place == fs::path{directory}
                                    ? ""
                                    : fmt::format(" at {}", place.string()));
  if (free < min_free_bytes)
    return {health::fail, name, text,
            fmt::format("free some: below {} no job is accepted",
                        bytes_text(min_free_bytes))};
  if (free < 4 * min_free_bytes)
    return {health::warn, name, text, "free some soon"};
  return {health::ok, name, text, ""};
}

finding check_clock() {
  timex state{};
  if (::adjtimex(&state) != TIME_ERROR)
    return {health::ok, "clock", "kept in time", ""};
  return {health::warn, "clock", "nobody keeps it in time",
          "run chrony or systemd-timesyncd; times that are shown may be wrong, "
          "placement does not depend on them"};
}

finding check_cgroups() {
  // A name of its own: an agent may be at work here.
  const auto groups = cgroups::probe({.name = "skerry-doctor"});
  groups.remove_all();
  const auto text
      = fmt::format("{}: {}", to_string(groups.rung()), groups.why());
  if (groups.rung() == cgroup_rung::v2 || groups.rung() == cgroup_rung::v1)
    return {health::ok, "cgroups", text, ""};
  return {health::warn, "cgroups", text,
          "run the agent as root, or delegate a cgroup to it"};
}

} // namespace skerry
