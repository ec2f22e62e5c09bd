#pragma once

#include "tests/fresh_directory.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace skerry::testing {

/// How a process ended and what it said.
struct ended_process {
  int exit_code = -1; ///< 128 + the signal that ended it.
  std::string out;
  std::string err;
};

/// What stdout is connected to.
enum class stdout_to { file, closed_pipe, nothing };

/// The binary under test, running. It is ended with this object.
class skerry_process {
public:
  explicit skerry_process(const std::vector<std::string>& arguments,
                          stdout_to out = stdout_to::file);
  skerry_process(const skerry_process&) = delete;
  skerry_process& operator=(const skerry_process&) = delete;
  ~skerry_process();

  bool has_ended();
  /// What it has written to stdout until now.
  std::string out_so_far() const;
  std::string err_so_far() const;
  void send(int signal) const;
  ended_process wait();

private:
  fresh_directory streams_; ///< stdout and stderr as files.
  int id_ = -1;             ///< -1 once it has been waited for.
  int status_ = 0;
};

/// Runs `skerry` with these arguments to its end.
ended_process run_skerry(const std::vector<std::string>& arguments,
                         stdout_to out = stdout_to::file);

/// Splits at blanks, for arguments without any.
std::vector<std::string> words(std::string_view text);

/// Runs `skerry` and checks that it refuses: this exit code, nothing on stdout,
/// and on stderr one line "skerry: error: ..." that contains `reason`.
void check_refused(const std::vector<std::string>& arguments,
                   std::string_view reason, int exit_code = 2);

} // namespace skerry::testing
