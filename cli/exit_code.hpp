#pragma once

#include "scheduling/result.hpp"

namespace skerry {

/// What the process tells its caller. A contract: only append.
enum class exit_code : int {
  ok = 0,
  failure = 1,     ///< Tried and failed: try again, or mend the machine.
  usage = 2,       ///< Mend the flags, the configuration or the input files.
  not_placed = 3,  ///< The cluster has no place for it.
  unreachable = 4, ///< No server, or no answer in time.
  conflict = 5,    ///< Somebody else was faster: look again.
};

/// How a command that failed with this error exits.
constexpr exit_code exit_code_of(error_code code) {
  switch (code) {
  case error_code::invalid_argument:
  case error_code::not_found:
  case error_code::already_exists:
  case error_code::malformed:
  case error_code::limit_exceeded:
    return exit_code::usage;
  case error_code::infeasible:
  case error_code::insufficient:
    return exit_code::not_placed;
  case error_code::stale_snapshot:
  case error_code::stale_epoch:
  case error_code::conflict:
    return exit_code::conflict;
  case error_code::unreachable:
    return exit_code::unreachable;
  case error_code::io_failed:
    return exit_code::failure;
  }
  return exit_code::failure;
}

/// The same error as a fault of the command line: a file that was named and
/// cannot be read, or a machine too small for the log, is the caller's to mend.
inline error as_usage_fault(error fault) {
  fault.code = error_code::invalid_argument;
  return fault;
}

} // namespace skerry
