#pragma once

#include "scheduling/placement_policy.hpp"
#include "scheduling/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// Readers of what stands behind a flag. Errors are `invalid_argument` and name
/// the flag, what stands there and what is wanted.

/// "a,b,c" without empty or repeated items, at least one.
result<std::vector<std::string>> parse_list(std::string_view flag,
                                            std::string_view text);

/// "42,43": whole numbers, none twice.
result<std::vector<std::uint64_t>> parse_seeds(std::string_view flag,
                                               std::string_view text);

/// "fgd,first-fit": names among `known`, none twice.
result<std::vector<std::string>>
parse_names(std::string_view flag, std::string_view text,
            std::span<const std::string_view> known);

/// "fgd,skerry,mine.policy": heuristics, the shipped policy and files, none
/// twice.
result<std::vector<policy_choice>> parse_policies(std::string_view flag,
                                                  std::string_view text);
/// What `parse_policies` takes, for a help text.
std::string policies_text();

/// "Any of a, b, c", in lines that suit a help text.
std::string names_text(std::span<const std::string_view> names);

/// One name among `known`.
/// @returns Its position.
result<std::size_t> parse_choice(std::string_view flag, std::string_view text,
                                 std::span<const std::string_view> known);

/// A whole number in [least, most].
result<std::int64_t> parse_whole(std::string_view flag, std::string_view text,
                                 std::int64_t least, std::int64_t most);

/// A finite decimal number in [least, most].
result<double> parse_decimal(std::string_view flag, std::string_view text,
                             double least, double most);

/// Which runs a simulation is to do, as typed.
struct run_flags {
  std::string seeds;
  std::string policies;
  std::string search = "index";
};

/// The same, understood: every policy runs with every seed.
struct run_choice {
  std::vector<std::uint64_t> seeds;
  std::vector<policy_choice> policies;
  placement_search search = placement_search::index;
};

/// @returns `invalid_argument` for the first fault of --seed, --policy or
///          --search.
result<> understand_runs(const run_flags& flags, run_choice& into);

/// Name of a workload: its file's without directories, without ".gz" and
/// without the extension before that.
std::string workload_name(const std::string& path);

} // namespace skerry
