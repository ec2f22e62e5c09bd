#pragma once

#include "cli/exit_code.hpp"

#include <string>
#include <utility>

namespace skerry {

/// How a command ended: what the process tells its caller, and what it says
/// about it on stderr, a line for each fault; nothing when all went well.
struct ending {
  exit_code code = exit_code::ok;
  std::string complaint = {};

  ending() = default;
  ending(exit_code how, std::string what = {})
      : code{how}, complaint{std::move(what)} {}
  ending(const error& fault)
      : code{exit_code_of(fault.code)}, complaint{fault.message} {}
  ending(const result<>& outcome) {
    if (!outcome)
      *this = ending{outcome.failure()};
  }

  explicit operator bool() const { return code == exit_code::ok; }
};

} // namespace skerry
