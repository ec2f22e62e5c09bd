#include "cli/configured.hpp"
#include "cli/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>

namespace skerry {
namespace {

json json_of(const loaded_configuration& loaded) {
  json out{{"file", loaded.file}, {"settings", json::array()}};
  for (const auto& each : loaded.settings) {
    const auto value
        = each.is_list ? json(each.values) : json(each.values.front());
    out["settings"].push_back({{"section", each.section},
                               {"key", each.key},
                               {"value", value},
                               {"from", each.from}});
  }
  return out;
}

std::string table_of(const loaded_configuration& loaded) {
  text_table table{{"SETTING", "VALUE", "FROM"}, 3};
  for (const auto& each : loaded.settings) {
    const auto text = fmt::format("{}", fmt::join(each.values, ","));
    table.add({fmt::format("{}.{}", each.section, each.key),
               text.empty() ? "-" : text, each.from});
  }
  return table.text();
}

result<> run_check(const global_flags& globals, const std::string& file,
                   console& out) {
  auto where = globals;
  if (!file.empty())
    where.config = file;
  const auto loaded = configure(where);
  if (!loaded)
    return loaded.failure();
  for (const auto& note : loaded->notes)
    out.note(note);
  if (out.format == output_format::json)
    return out.print(json{{"ok", true}, {"file", loaded->file}}.dump() + "\n");
  return out.print(loaded->file.empty()
                       ? "no configuration file; the defaults are in force\n"
                       : fmt::format("{} is good\n", loaded->file));
}

result<> run_show(const global_flags& globals, console& out) {
  const auto loaded = configure(globals);
  if (!loaded)
    return loaded.failure();
  for (const auto& note : loaded->notes)
    out.note(note);
  return out.print(out.format == output_format::json
                       ? json_of(*loaded).dump(2) + "\n"
                       : table_of(*loaded));
}

} // namespace

void add_config_command(CLI::App& parent, const global_flags& globals,
                        action& chosen) {
  auto& config = *parent.add_subcommand("config", "Look at the configuration");
  config.require_subcommand(1);
  config.footer("Order: defaults, the file, the environment "
                "(SKERRY_<SECTION>_<KEY>), flags.\n"
                "Example:\n  skerry config show");
  auto& check = *config.add_subcommand(
      "check", "Find all faults of the file, the variables and flags");
  const auto file = std::make_shared<std::string>();
  check.add_option("FILE", *file, "Instead of the one that would be read")
      ->type_name("")
      ->check(refuse_empty);
  check.footer("Example:\n  skerry config check skerry.toml");
  check.final_callback([&globals, &chosen, file] {
    chosen = [&globals, file](console& out) {
      return run_check(globals, *file, out);
    };
  });
  auto& show = *config.add_subcommand(
      "show", "What is in force, and where it comes from");
  show.footer("Example:\n  skerry config show --timeout 3s");
  show.final_callback([&globals, &chosen] {
    chosen = [&globals](console& out) { return run_show(globals, out); };
  });
}

} // namespace skerry
