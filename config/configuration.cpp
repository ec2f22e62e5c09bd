#include "config/configuration.hpp"

#include "config/document.hpp"
#include "config/settings.hpp"
#include "config/suggestion.hpp"
#include "config/table_reader.hpp"
#include "config/units.hpp"
#include "scheduling/specs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>

namespace skerry {
namespace {

/// A short name for a variable of the long form.
struct alias {
  std::string_view variable;
  std::string_view setting;
};

constexpr std::array<alias, 3> aliases{{
    {"SKERRY_ADDRESS", "client.addresses"},
    {"SKERRY_TLS", "tls.directory"},
    {"SKERRY_TLS", "client.tls"},
}};

constexpr std::size_t max_file_bytes = std::size_t{1} << 20;

/// The work of `load_configuration`, source by source.
class loader {
public:
  loader() : settings_{settings_of(values_)} {
    from_.assign(settings_.size(), "default");
  }

  result<> take_file(const std::string& path) {
    const auto text = read_text_file(path, max_file_bytes);
    if (!text)
      return text.failure();
    const auto document = parse_toml(*text, path);
    if (!document) {
      fault(document.failure().message);
      return done{};
    }
    fault_list faults{path};
    table_reader root{*document, "", faults};
    for (std::size_t i = 0; i < settings_.size();) {
      const auto section = settings_[i].section;
      root.table(section, [&](table_reader& keys) {
        for (auto j = i; j < settings_.size(); ++j)
          if (settings_[j].section == section)
            take(j, keys, path);
      });
      while (i < settings_.size() && settings_[i].section == section)
        ++i;
    }
    root.table("tenants", [&](table_reader& all) {
      for (const auto& name : all.names())
        all.table(name, [&](table_reader& keys) { take(name, keys, path); });
    });
    root.finish();
    if (!faults.empty())
      fault(faults.to_error().message);
    return done{};
  }

  void take_environment(const configuration_sources& sources) {
    for (const auto& [variable, text] : sources.environment) {
      const auto known
          = std::ranges::count(aliases, variable, &alias::variable) > 0;
      if (!known)
        take_variable(variable, text);
      for (const auto& [name, setting] : aliases)
        if (name == variable)
          take(setting, text, variable);
    }
  }

  void take(std::string_view name, std::string_view text,
            const std::string& from) {
    const auto found = std::ranges::find(settings_, name, &setting::name);
    if (found == settings_.end())
      return fault(fmt::format("{}: there is no setting {}", from, name));
    if (auto ok = assign(*found, text); !ok)
      return fault(fmt::format("{}: {}", from, ok.failure().message));
    from_[static_cast<std::size_t>(found - settings_.begin())] = from;
  }

  result<loaded_configuration> finish(const std::string& file) {
    if (faults_.empty())
      check_together();
    if (!faults_.empty())
      return error{error_code::malformed, faults_};
    loaded_configuration out{
        .values = values_, .settings = {}, .file = file, .notes = notes_};
    for (std::size_t i = 0; i < settings_.size(); ++i)
      out.settings.push_back({.section = std::string{settings_[i].section},
                              .key = std::string{settings_[i].key},
                              .values = values_of(settings_[i]),
                              .is_list = std::holds_alternative<setting::list>(
                                  settings_[i].target),
                              .from = from_[i]});
    out.settings.insert(out.settings.end(), tenants_.begin(), tenants_.end());
    return out;
  }

private:
  void take(std::size_t index, table_reader& section, const std::string& path) {
    const auto& what = settings_[index];
    const auto* value = section.find(what.key);
    read(what, section);
    if (value != nullptr)
      from_[index] = fmt::format("{}:{}", path, value->at.line);
  }

  /// A section of its own for each tenant; only the file has them.
  void take(const std::string& name, table_reader& keys,
            const std::string& path) {
    auto& tenant = values_.tenants.emplace_back();
    tenant.name = name;
    if (auto ok = validate_id(name, "the tenant's name"); !ok)
      keys.fault("", ok.failure().message);
    const auto note
        = [&](table_reader& in, std::string_view key, std::string text) {
            if (const auto* value = in.find(key))
              tenants_.push_back(
                  {.section = fmt::format("tenants.{}", name),
                   .key = in.path_of(key).substr(keys.path_of("").size() + 1),
                   .values = {std::move(text)},
                   .is_list = false,
                   .from = fmt::format("{}:{}", path, value->at.line)});
          };
    constexpr amount_range some{1, INT64_MAX};
    keys.amount("weight", tenant.weight_milli, parse_milli, {1, 1'000'000'000});
    note(keys, "weight", milli_text(tenant.weight_milli));
    keys.table("quota", [&](table_reader& quota) {
      quota.amount("cpu", tenant.cpu_millicores, parse_cpu_millicores, some);
      quota.amount("memory", tenant.memory_bytes, parse_bytes, some);
      quota.amount("gpus", tenant.gpu_milli, parse_milli, some);
      note(quota, "cpu", milli_text(tenant.cpu_millicores));
      note(quota, "memory", bytes_text(tenant.memory_bytes));
      note(quota, "gpus", milli_text(tenant.gpu_milli));
    });
  }

  /// A variable of another tool, or of a container's service links
  /// (SKERRY_SERVER_PORT), is none of ours to refuse; a slip is worth a note.
  void take_variable(const std::string& variable, const std::string& text) {
    std::vector<std::string> names;
    for (const auto& each : settings_) {
      names.push_back(each.variable());
      if (names.back() == variable)
        return take(each.name(), text, variable);
    }
    const std::vector<std::string_view> candidates{names.begin(), names.end()};
    for (const auto& each : settings_)
      if (each.variable().starts_with(
              variable.substr(0, variable.find('_', 7) + 1))
          && variable.find('_', 7) != variable.npos) {
        notes_.push_back(fmt::format("{} is not a setting and is ignored{}",
                                     variable,
                                     suggestion(variable, candidates)));
        return;
      }
  }

  /// What no key can be blamed for alone.
  void check_together() {
    const auto& timing = values_.timing;
    if (timing.heartbeat_milliseconds * 3 > timing.lease_milliseconds)
      fault("timing.heartbeat is more than a third of timing.lease: two lost "
            "messages would end a node's tasks");
    if (timing.mesh_heartbeat_milliseconds * 2
        > timing.mesh_timeout_milliseconds)
      fault("timing.mesh_heartbeat is more than half of timing.mesh_timeout: "
            "one late message would part the servers");
    if (values_.client.addresses.empty())
      fault("client.addresses is empty; give HOST:PORT of a server");
    if (values_.agent.servers.empty())
      fault("agent.servers is empty; give HOST:PORT of a server");
    if (values_.server.data.empty())
      fault("server.data is empty; give a directory");
  }

  void fault(std::string_view lines) {
    faults_ += fmt::format("{}{}", faults_.empty() ? "" : "\n", lines);
  }

  configuration values_;
  std::vector<setting> settings_;
  std::vector<std::string> from_;
  std::vector<effective_setting> tenants_; ///< What the file says of them.
  std::string faults_;                     ///< A line each.
  std::vector<std::string> notes_;
};

} // namespace

result<loaded_configuration>
load_configuration(const configuration_sources& sources) {
  loader load;
  if (!sources.file.empty())
    if (auto ok = load.take_file(sources.file); !ok)
      return ok.failure();
  load.take_environment(sources);
  for (const auto& [setting, text, flag] : sources.flags)
    load.take(setting, text, flag);
  return load.finish(sources.file);
}

result<std::string> read_text_file(const std::string& path,
                                   std::size_t max_bytes) {
  const auto failed = [&path] {
    return error{error_code::io_failed,
                 fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  };
  struct close_file {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, close_file> file{
      std::fopen(path.c_str(), "rb")};
  if (!file)
    return failed();
  std::string text;
  std::array<char, 65536> piece{};
  while (const auto size
         = std::fread(piece.data(), 1, piece.size(), file.get())) {
    text.append(piece.data(), size);
    if (text.size() > max_bytes)
      return error{error_code::limit_exceeded,
                   fmt::format("{} is longer than {} bytes", path, max_bytes)};
  }
  if (std::ferror(file.get()) != 0)
    return failed();
  return text;
}

result<> check_address(std::string_view text, bool may_be_any_port) {
  const auto colon = text.rfind(':');
  const auto host = text.substr(0, std::min(colon, text.size()));
  const bool bracketed
      = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  unsigned port = 0;
  bool good = colon != text.npos && !host.empty()
              && (bracketed || host.find_first_of(":[]/ ,") == host.npos);
  if (good) {
    const auto* last = text.data() + text.size();
    const auto [stopped, fault]
        = std::from_chars(text.data() + colon + 1, last, port);
    good = fault == std::errc{} && stopped == last && port <= 65535
           && (port > 0 || may_be_any_port);
  }
  if (good)
    return done{};
  return {error_code::invalid_argument,
          fmt::format("\"{}\" is not HOST:PORT", text)};
}

} // namespace skerry
