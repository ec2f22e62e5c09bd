#pragma once

#include "cli/console.hpp"
#include "cli/exit_code.hpp"
#include "simulation/stopwatch.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace skerry {

/// What a command does once its flags have been understood.
using action = std::function<result<>(console&)>;

/// Each declares a subcommand of `parent` that leaves its work in `chosen`.
/// Both outlive the parsing.
void add_openb_command(CLI::App& parent, action& chosen);
void add_swf_command(CLI::App& parent, action& chosen);
void add_bench_command(CLI::App& parent, action& chosen);

/// The clock that the simulator is lent to measure its speed.
clock_ns steady_clock_ns();

} // namespace skerry
