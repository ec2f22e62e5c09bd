#include "api/certificates.hpp"
#include "api/tls_files.hpp"
#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

namespace fs = std::filesystem;

struct certs_flags {
  std::string folder = "certs";
  std::string days;
  std::string name;
  std::string hosts;
  bool force = false;
};

result<certificate_options> understand(const certs_flags& flags) {
  const auto days = parse_whole("--days", flags.days, 1, 36500);
  if (!days)
    return days.failure();
  return certificate_options{.folder = flags.folder,
                             .days = static_cast<int>(*days),
                             .force = flags.force,
                             .now = std::time(nullptr)};
}

result<> tell(const std::vector<made_file>& made, console& out) {
  if (out.format == output_format::json) {
    auto files = json::array();
    for (const auto& file : made) {
      json entry{{"path", file.path.string()}};
      if (file.valid_until != 0) {
        entry["expires"] = utc_text(file.valid_until);
        entry["expires_unix_seconds"] = file.valid_until;
      }
      files.push_back(std::move(entry));
    }
    return out.print(json{{"files", std::move(files)}}.dump(2) + "\n");
  }
  text_table table{{"file", "expires"}};
  for (const auto& file : made)
    table.add({file.path.string(),
               file.valid_until == 0 ? "secret" : utc_text(file.valid_until)});
  return out.print(table.text());
}

result<> run_init(const certs_flags& flags, console& out) {
  const auto options = understand(flags);
  if (!options)
    return options.failure();
  const auto made = make_authorities(*options);
  if (!made)
    return made.failure();
  out.note("keep the keys of the authorities off the machines of the cluster: "
           "who has them can make certificates");
  return tell(*made, out);
}

result<> run_make(const certs_flags& flags, const std::string& role,
                  console& out) {
  const auto options = understand(flags);
  if (!options)
    return options.failure();
  certificate_subject subject{.role = role, .name = flags.name, .hosts = {}};
  if (role == "server") {
    subject.hosts = loopback_hosts();
    if (!flags.hosts.empty()) {
      auto hosts = parse_list("--host", flags.hosts);
      if (!hosts)
        return hosts.failure();
      subject.hosts = std::move(*hosts);
    }
  }
  const auto made = make_certificates(*options, subject);
  if (!made)
    return made.failure();
  out.note(fmt::format("copy {} whole to the machine, and name it with --tls",
                       made->front().path.parent_path().string()));
  return tell(*made, out);
}

// -- show ---------------------------------------------------------------------

struct shown {
  fs::path path;
  certificate_info info;
  std::string state; ///< "ok", or what is wrong.
};

/// Whether the certificate works together with the key and the authority that
/// lie beside it, if they do.
std::string state_of(const fs::path& path, const certificate_info& info,
                     std::int64_t now) {
  const auto stem = path.stem().string();
  std::error_code ignored; // A file that cannot be looked at is not there.
  if (!info.is_authority
      && fs::exists(path.parent_path() / (stem + ".key"), ignored)) {
    const auto side = info.uri.starts_with("spiffe://skerry/server/")
                          ? tls_side::server
                          : tls_side::client;
    const auto files = load_tls_files(path.parent_path(), stem, side, now);
    return files ? "ok" : files.failure().message;
  }
  if (now > info.valid_until)
    return "expired";
  return now < info.valid_from ? "not yet valid" : "ok";
}

result<shown> look_at(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in)
    return {error_code::invalid_argument,
            fmt::format("cannot read {}", path.string())};
  auto info = read_certificate(text);
  if (!info)
    return {error_code::invalid_argument,
            fmt::format("{}: {}", path.string(), info.failure().message)};
  auto state = state_of(path, *info, std::time(nullptr));
  return shown{path, std::move(*info), std::move(state)};
}

result<std::vector<fs::path>> certificates_at(const fs::path& path) {
  std::error_code fault;
  if (!fs::is_directory(path, fault))
    return std::vector{path};
  std::vector<fs::path> found;
  for (fs::recursive_directory_iterator at{path, fault}, end;
       !fault && at != end; at.increment(fault))
    if (at->path().extension() == ".pem")
      found.push_back(at->path());
  if (fault)
    return {error_code::invalid_argument,
            fmt::format("cannot read {}: {}", path.string(), fault.message())};
  if (found.empty())
    return {error_code::invalid_argument,
            fmt::format("there are no .pem files in {}", path.string())};
  std::sort(found.begin(), found.end());
  return found;
}

json json_of(const shown& what) {
  return {{"path", what.path.string()},
          {"subject", what.info.subject},
          {"issuer", what.info.issuer},
          {"uri", what.info.uri},
          {"hosts", what.info.hosts},
          {"authority", what.info.is_authority},
          {"valid_from", utc_text(what.info.valid_from)},
          {"expires", utc_text(what.info.valid_until)},
          {"expires_unix_seconds", what.info.valid_until},
          {"sha256", what.info.sha256},
          {"state", what.state}};
}

result<> run_show(const std::string& path, console& out) {
  const auto paths = certificates_at(path);
  if (!paths)
    return paths.failure();
  auto list = json::array();
  text_table table{{"file", "of", "hosts", "expires", "state"}};
  for (const auto& each : *paths) {
    const auto what = look_at(each);
    if (!what)
      return what.failure();
    list.push_back(json_of(*what));
    const auto& info = what->info;
    table.add({each.string(), info.is_authority ? info.subject : info.uri,
               fmt::format("{}", fmt::join(info.hosts, ",")),
               utc_text(info.valid_until), what->state});
  }
  if (out.format == output_format::json)
    return out.print(json{{"certificates", std::move(list)}}.dump(2) + "\n");
  return out.print(table.text());
}

// -- flags --------------------------------------------------------------------

void add_common_flags(CLI::App& subcommand, certs_flags& flags,
                      const std::string& days) {
  flags.days = days;
  subcommand.add_option("--days", flags.days, "How long they are valid")
      ->type_name("N")
      ->capture_default_str();
  subcommand.add_flag("--force", flags.force, "Replace what is there");
}

void add_init(CLI::App& certs, action& chosen) {
  auto& init = *certs.add_subcommand(
      "init", "Make the two authorities that sign all others");
  const auto flags = std::make_shared<certs_flags>();
  init.add_option("DIR", flags->folder, "Where they go")
      ->type_name("")
      ->check(refuse_empty)
      ->capture_default_str();
  add_common_flags(init, *flags, "3650");
  init.footer("With --force all certificates that the old ones have signed "
              "are worthless.");
  init.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return run_init(*flags, out); };
  });
}

void add_role(CLI::App& certs, action& chosen, const std::string& role,
              const std::string& what) {
  auto& subcommand = *certs.add_subcommand(role, what);
  const auto flags = std::make_shared<certs_flags>();
  subcommand
      .add_option("NAME", flags->name, "Letters, digits, '-', '_' and '.'")
      ->type_name("")
      ->required();
  subcommand.add_option("--dir", flags->folder, "Where the authorities are")
      ->type_name("DIR")
      ->check(refuse_empty)
      ->capture_default_str();
  if (role == "server")
    add_list_flag(subcommand, "--host", flags->hosts,
                  "DNS names and IP addresses at which clients and other "
                  "servers reach it (default localhost,127.0.0.1,::1)")
        ->type_name("HOST,...");
  add_common_flags(subcommand, *flags, "365");
  subcommand.final_callback([flags, role, &chosen] {
    chosen
        = [flags, role](console& out) { return run_make(*flags, role, out); };
  });
}

void add_show(CLI::App& certs, action& chosen) {
  auto& show = *certs.add_subcommand(
      "show", "What certificates say, and whether they work");
  const auto path = std::make_shared<std::string>();
  show.add_option("PATH", *path, "A .pem file, or a folder with some")
      ->type_name("")
      ->required()
      ->check(refuse_empty);
  show.final_callback([path, &chosen] {
    chosen = [path](console& out) { return run_show(*path, out); };
  });
}

} // namespace

void add_certs_command(CLI::App& parent, action& chosen) {
  auto& certs = *parent.add_subcommand(
      "certs", "Make the certificates of servers, agents and clients");
  certs.require_subcommand(1);
  certs.footer(
      "Each makes a folder: copy it whole to its machine, name it with --tls.\n"
      "Example:\n"
      "  skerry certs init\n"
      "  skerry certs server a --host a.example,10.0.0.1\n"
      "  skerry certs agent node-1\n"
      "  skerry certs client ann");
  add_init(certs, chosen);
  add_role(certs, chosen, "server",
           "Of a server, for clients and other servers");
  add_role(certs, chosen, "agent",
           "Of an agent: it may register the node NAME and nodes NAME-...");
  add_role(certs, chosen, "client", "Of a user or a program of his");
  add_show(certs, chosen);
}

} // namespace skerry
