#include "simulation/swf_reader.hpp"

#include "simulation/text_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

namespace skerry {
namespace {

constexpr std::size_t field_count = 18;

/// Names for errors, by position.
constexpr std::array<std::string_view, field_count> field_names{
    "the job number",
    "the submit time",
    "the wait time",
    "the run time",
    "the allocated processors",
    "the CPU time",
    "the used memory",
    "the requested processors",
    "the requested time",
    "the requested memory",
    "the status",
    "the user",
    "the group",
    "the executable",
    "the queue",
    "the partition",
    "the preceding job",
    "the think time",
};

enum field : std::size_t {
  number = 0,
  submit = 1,
  run = 3,
  allocated = 4,
  requested_processors = 7,
  requested_time = 8,
};

bool is_number(std::string_view text) {
  double value = 0;
  const auto* last = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), last, value);
  return fault == std::errc{} && stopped == last && std::isfinite(value);
}

/// Takes the lines of a log one by one.
class log_builder {
public:
  /// @returns The fault of the line, if any.
  std::optional<error> add(const text_reader& text) {
    split_blanks(text.line(), fields_);
    if (fields_.empty() || fields_.front().text.starts_with(';'))
      return std::nullopt;
    if (auto fault = check_fields(text))
      return fault;
    fault_.reset();
    const swf_job row{
        integer(text, number, 0, max_swf_seconds),
        integer(text, submit, 0, max_swf_seconds),
        integer(text, run, -1, max_swf_seconds),
        std::max(integer(text, allocated, -1, max_swf_processors),
                 integer(text, requested_processors, -1, max_swf_processors)),
        integer(text, requested_time, -1, max_swf_seconds)};
    if (!fault_)
      check_order(text, row);
    if (!fault_)
      keep(row);
    return fault_;
  }

  swf_log finish() && { return std::move(log_); }

private:
  std::optional<error> check_fields(const text_reader& text) const {
    if (fields_.size() != field_count)
      return text.complain(
          fields_.size() < field_count ? text.line().size() + 1
                                       : fields_[field_count].column,
          fmt::format("{} fields, but a job has {} (was the file cut?)",
                      fields_.size(), field_count));
    for (std::size_t i = 0; i < field_count; ++i)
      if (!is_number(fields_[i].text))
        return text.complain(fields_[i].column,
                             fmt::format("{} is not a number (use -1 for "
                                         "unknown)",
                                         field_names[i]));
    return std::nullopt;
  }

  std::int64_t integer(const text_reader& text, field which, std::int64_t least,
                       std::int64_t most) {
    const auto value
        = text.integer(fields_[which], field_names[which], least, most);
    if (value)
      return *value;
    if (!fault_)
      fault_ = value.failure();
    return least;
  }

  void check_order(const text_reader& text, const swf_job& row) {
    const auto [first, is_new]
        = line_of_number_.try_emplace(row.number, text.line_number());
    if (!is_new)
      fault_ = text.complain(fields_[number].column,
                             fmt::format("job {} is already in line {}",
                                         row.number, first->second));
    else if (row.submit_seconds < last_submit_seconds_)
      fault_ = text.complain(
          fields_[submit].column,
          fmt::format("the job is submitted at {}, before the one above at {} "
                      "(sort the log by submit time)",
                      row.submit_seconds, last_submit_seconds_));
    last_submit_seconds_ = row.submit_seconds;
  }

  void keep(swf_job job) {
    if (job.run_seconds == 0 || job.processors < 1) {
      ++log_.left_out;
      return;
    }
    if (job.run_seconds < 0)
      job.run_seconds = unknown_run_seconds;
    if (job.requested_seconds < 0)
      job.requested_seconds = job.run_seconds;
    log_.jobs.push_back(job);
  }

  swf_log log_;
  std::vector<text_field> fields_;
  std::unordered_map<std::int64_t, std::uint64_t> line_of_number_;
  std::int64_t last_submit_seconds_ = 0;
  std::optional<error> fault_; ///< Of the current line.
};

} // namespace

result<swf_log> read_swf(const std::string& path) {
  auto text = text_reader::open(path);
  if (!text)
    return text.failure();
  log_builder builder;
  while (true) {
    const auto more = text->next();
    if (!more)
      return more.failure();
    if (!*more)
      break;
    if (auto fault = builder.add(*text))
      return *std::move(fault);
  }
  auto log = std::move(builder).finish();
  if (log.jobs.empty())
    return error{error_code::malformed,
                 fmt::format("{}:{}:1: the log has no job that ran", path,
                             text->line_number() + 1)};
  return log;
}

} // namespace skerry
