#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry {

/// Reader of logs in the Standard Workload Format, plain or gzip: lines of 18
/// numbers, `;` starts a comment line, -1 stands for "unknown".
/// @source Feitelson, "The Standard Workload Format", Parallel Workloads
///         Archive.

/// A million times the processors of the largest machine in the archive.
inline constexpr std::int64_t max_swf_processors = 1'000'000'000;
/// Three hundred years: any sum over the jobs of a log stays in int64.
inline constexpr std::int64_t max_swf_seconds = 10'000'000'000;

struct swf_job {
  std::int64_t number = 0;            ///< Field 1.
  std::int64_t submit_seconds = 0;    ///< Field 2, since the log's start.
  std::int64_t run_seconds = 0;       ///< Field 4; at least 1.
  std::int64_t processors = 0;        ///< Fields 5, 8: the larger; at least 1.
  std::int64_t requested_seconds = 0; ///< Field 9; the run time when unknown.

  friend bool operator==(const swf_job&, const swf_job&) = default;
};

struct swf_log {
  std::vector<swf_job> jobs; ///< In the order of submission.
  std::size_t left_out = 0;  ///< Jobs that ran for 0 s or on no processor.
};

/// How long a job of unknown run time runs, as in the published protocol.
inline constexpr std::int64_t unknown_run_seconds = 10;

/// Reads and cleans a log as the published protocol does: a job of unknown run
/// time runs for `unknown_run_seconds`; one that ran for 0 s or on no processor
/// is left out and takes no position in the windows.
/// @returns `malformed` with file, line, column and reason for a line without
///          18 numbers (a log cut in the middle of a line), a number out of
///          range, a job number given twice, a submission before that of the
///          line above (the format wants them sorted), a log without jobs;
///          otherwise as `text_reader`.
result<swf_log> read_swf(const std::string& path);

} // namespace skerry
