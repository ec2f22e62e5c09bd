#pragma once

#include "agent/descriptor.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace skerry {

/// When the lease of this agent's tasks runs out, as CLOCK_BOOTTIME in
/// milliseconds, where supervisors read it: they stop their tasks then, also
/// when the agent is dead.
class lease_file {
public:
  /// @param anew Forgets what stands there: it is of an earlier boot.
  static result<lease_file> open(const std::filesystem::path& file, bool anew);

  std::int64_t read() const;
  /// Writes only what is new. Not synced: it does not outlive the boot.
  result<> write(std::int64_t until_milliseconds);

private:
  descriptor file_;
  std::int64_t written_ = 0;
};

/// A text file that is only appended to, each time in one piece.
class append_log {
public:
  static result<append_log> open(const std::filesystem::path& file);
  /// For checks from outside: a failure does not stop the agent.
  void append(const std::string& lines) const;

private:
  descriptor file_;
};

} // namespace skerry
