#include "agent/cgroup.hpp"
#include "api/tls_files.hpp"
#include "cli/doctor.hpp"
#include "config/configuration.hpp"
#include "config/units.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <string>
#include <sys/timex.h>
#include <system_error>
#include <vector>

namespace skerry {
namespace {

namespace fs = std::filesystem;

constexpr auto renew = "make new certificates: skerry certs --help";

finding check_expiry(const std::string& file, const std::string& pem,
                     std::int64_t now) {
  constexpr std::int64_t day = 86'400;
  constexpr std::int64_t soon = 30;
  const auto certificate = read_certificate(pem);
  if (!certificate)
    return {health::fail, file, certificate.failure().message, renew};
  const auto days = (certificate->valid_until - now) / day;
  return {days < soon ? health::warn : health::ok, file,
          fmt::format("valid for {} days, until {}", days,
                      utc_text(certificate->valid_until)),
          days < soon ? renew : ""};
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
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  const auto files = load_tls_files(directory, "api", tls_side::client, now);
  if (!files)
    return {{health::fail, fmt::format("tls {}", directory),
             files.failure().message,
             "name the right folder with --tls or tls.directory"}};
  const auto key = directory + "/api.key";
  std::vector<finding> found{
      check_expiry(directory + "/api-ca.pem", files->authority, now),
      check_expiry(directory + "/api.pem", files->certificate, now),
      {health::ok, key, "fits its certificate", ""}};
  std::error_code ignored; // It has just been read.
  if ((fs::status(key, ignored).permissions() & fs::perms::others_read)
      != fs::perms::none)
    found.push_back(
        {health::warn, key, "can be read by everybody", "chmod 600 " + key});
  return found;
}

std::vector<finding> check_disk(std::string_view what,
                                const std::string& directory, bool is_chosen,
                                std::int64_t min_free_bytes) {
  const auto place = existing(directory);
  const bool is_there = place == fs::absolute(directory);
  if (!is_there && !is_chosen)
    return {}; // The default, on a machine without a server or an agent.
  std::error_code fault;
  const auto space = fs::space(place, fault);
  const auto name = fmt::format("{} {}", what, directory);
  if (fault)
    return {{health::fail, name, fault.message(),
             "choose another directory, or give the rights to this one"}};
  const auto free = static_cast<std::int64_t>(space.available);
  const auto text
      = fmt::format("{} free{}", bytes_text(free),
                    is_there ? ""
                             : fmt::format(" at {}; the directory is made at "
                                           "the first start",
                                           place.string()));
  if (free < min_free_bytes)
    return {{health::fail, name, text,
             fmt::format("free some: below {} no job is accepted",
                         bytes_text(min_free_bytes))}};
  if (free < 4 * min_free_bytes)
    return {{health::warn, name, text, "free some soon"}};
  return {{health::ok, name, text, ""}};
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
