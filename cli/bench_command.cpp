#include "cli/command.hpp"

namespace skerry {

void add_bench_command(CLI::App&, action&) {}

} // namespace skerry
