#pragma once

#include "messages/skerry/v1/jobs.pb.h"
#include "scheduling/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// What the tasks of a file are for.
enum class task_use : std::uint8_t {
  run,   ///< Each says what it runs.
  place, ///< Only their places are asked for.
};

/// Reads the jobs of a text in TOML or, when it begins with `{`, in JSON.
///
/// A text is one job, or `jobs`, a list of them. A job has `id`, `name`, `gang`
/// and `groups`, a list of groups of equal tasks; a job of one group may hold
/// the group's keys itself. docs/jobs.md has all keys.
///
/// Ids that are not given stay empty.
///
/// @param name Of the file, for errors.
/// @returns `malformed` with a line "NAME:LINE:COL: what" for each fault.
result<std::vector<v1::Job>> read_jobs(std::string_view text,
                                       const std::string& name, task_use use);

/// The same from a file, or from stdin for "-".
/// @returns As above, or `invalid_argument` when it cannot be read.
result<std::vector<v1::Job>> read_job_file(const std::string& path,
                                           task_use use);

/// A new id that nobody else will choose: the name, or "job", and 12 random
/// digits.
std::string random_id(std::string_view name);

} // namespace skerry
