#pragma once

#include "scheduling/result.hpp"
#include "tests/source_tree.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::testing {

/// What tests/layers.txt says; its head explains the lines.
struct layer_table {
  struct room {
    std::set<std::string> rooms; ///< That it may include, itself among them.
    std::set<std::string> families;
  };
  std::map<std::string, room> rooms;
  std::map<std::string, std::set<std::string>> only;  ///< family -> files
  std::map<std::string, std::set<std::string>> never; ///< family -> rooms
};

/// @returns `malformed` with the line number, also for a room that uses itself
///          or one that is not above it.
result<layer_table> parse_layers(std::string_view text);

/// One sentence, opening with `file:line:`, for each include that `table` does
/// not allow; one for a file whose room it does not know.
std::vector<std::string> layer_violations(const layer_table& table,
                                          const source_file& file);

} // namespace skerry::testing
