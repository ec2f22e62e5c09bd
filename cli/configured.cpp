#include "cli/configured.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <unistd.h>

namespace skerry {
namespace {

std::vector<std::pair<std::string, std::string>> skerry_variables() {
  std::vector<std::pair<std::string, std::string>> found;
  for (auto** entry = ::environ; entry != nullptr && *entry != nullptr;
       ++entry) {
    const std::string_view text{*entry};
    const auto sign = text.find('=');
    if (text.starts_with("SKERRY_") && sign != text.npos)
      found.emplace_back(text.substr(0, sign), text.substr(sign + 1));
  }
  return found;
}

std::string chosen_file(const global_flags& globals) {
  if (!globals.config.empty())
    return globals.config;
  if (const auto* named = std::getenv("SKERRY_CONFIG");
      named != nullptr && *named != '\0')
    return named;
  std::error_code ignored; // A file that cannot be seen is not there.
  const std::string file{default_configuration_file};
  return std::filesystem::exists(file, ignored) ? file : std::string{};
}

} // namespace

result<loaded_configuration> configure(const global_flags& globals,
                                       std::vector<flag_value> flags) {
  configuration_sources sources{.file = chosen_file(globals),
                                .environment = skerry_variables(),
                                .flags = std::move(flags)};
  if (!globals.address.empty())
    sources.flags.push_back({"client.addresses", globals.address, "--address"});
  if (!globals.tls.empty()) {
    sources.flags.push_back({"tls.directory", globals.tls, "--tls"});
    sources.flags.push_back({"client.tls", globals.tls, "--tls"});
  }
  if (!globals.timeout.empty())
    sources.flags.push_back({"client.timeout", globals.timeout, "--timeout"});
  auto loaded = load_configuration(sources);
  if (!loaded)
    return as_usage_fault(loaded.failure());
  return loaded;
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0)
    return {};
  return name.data();
}

} // namespace skerry
