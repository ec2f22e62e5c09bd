#include "simulation/swf_reader.hpp"
#include "tests/fresh_directory.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

namespace {

/// A line: number, submit, run, allocated, requested processors, requested s.
std::string line(const std::string& number, const std::string& submit,
                 const std::string& run, const std::string& allocated,
                 const std::string& wanted, const std::string& requested) {
  return number + " " + submit + " -1 " + run + " " + allocated + " 552.21 -1 "
         + wanted + " " + requested + " -1 1 -1 -1 -1 0 -1 -1 -1\n";
}

/// What follows "FILE:" in the error, or "" without one.
std::string fault_of(const std::string& text) {
  const fresh_directory directory;
  const auto path = directory.write("log.swf", text);
  const auto log = read_swf(path);
  if (log)
    return "";
  CHECK(log.failure().code == error_code::malformed);
  CHECK(log.failure().message.starts_with(path + ":"));
  return log.failure().message.substr(path.size() + 1);
}

} // namespace

TEST_SUITE_BEGIN("simulation/swf_reader");

TEST_CASE("jobs are read past comments and blank lines, plain or gzip") {
  const fresh_directory directory;
  const auto text = "; Version: 2\n;\n" + line("1", "5", "60", "4", "8", "90")
                    + " \n" + line("  2", "5", "70", "4", "-1", "-1");
  const auto log = read_swf(directory.write("log.swf", text));
  REQUIRE(log);
  REQUIRE(log->jobs.size() == 2);
  // The larger of fields 5 and 8; a requested time of -1 is the run time.
  CHECK(log->jobs[0] == swf_job{1, 5, 60, 8, 90});
  CHECK(log->jobs[1] == swf_job{2, 5, 70, 4, 70});
  CHECK(read_swf(directory.write_gzip("log.swf.gz", text))->jobs == log->jobs);
}

TEST_CASE("unknown run times count as ten seconds") {
  const fresh_directory directory;
  const auto log = read_swf(
      directory.write("log.swf", line("1", "0", "-1", "4", "4", "-1")));
  REQUIRE(log);
  CHECK(log->jobs.front() == swf_job{1, 0, 10, 4, 10});
}

TEST_CASE("jobs that never ran are left out and counted") {
  const fresh_directory directory;
  const auto log = read_swf(
      directory.write("log.swf", line("1", "0", "0", "4", "4", "9")
                                     + line("2", "0", "5", "-1", "-1", "9")
                                     + line("3", "1", "5", "4", "4", "9")));
  REQUIRE(log);
  CHECK(log->left_out == 2);
  REQUIRE(log->jobs.size() == 1);
  CHECK(log->jobs.front().number == 3);
}

TEST_CASE("a log cut in the middle of a line is refused wherever it is cut") {
  const auto whole = line("1", "0", "5", "4", "4", "9");
  const auto two = whole + line("2", "1", "5", "4", "4", "9");
  // Up to the end of "... -1 -" of the second line.
  for (auto kept = whole.size() + 1; kept < two.size() - 2; ++kept) {
    CAPTURE(kept);
    CHECK(fault_of(two.substr(0, kept)).starts_with("2:"));
  }
  // Only the line end is missing.
  CHECK(fault_of(two.substr(0, two.size() - 1)) == "");
}

TEST_CASE("a wrong line is refused with its place") {
  CHECK(fault_of("1 2 3\n")
        == "1:6: 3 fields, but a job has 18 (was the file cut?)");
  CHECK(fault_of("1 0 -1 x 4 -1 -1 4 9 -1 1 -1 -1 -1 0 -1 -1 -1\n")
        == "1:8: the run time is not a number (use -1 for unknown)");
  CHECK(fault_of(line("1", "nan", "5", "4", "4", "9"))
        == "1:3: the submit time is not a number (use -1 for unknown)");
  CHECK(fault_of(line("1", "-3", "5", "4", "4", "9"))
        == "1:3: the submit time is \"-3\" (want 0 to 10000000000)");
  CHECK(fault_of(line("1", "0", "5.5", "4", "4", "9"))
        == "1:8: the run time is \"5.5\" (want a whole number)");
  CHECK(fault_of(line("1", "0", "5", "-2", "4", "9"))
        == "1:10: the allocated processors is \"-2\" (want -1 to 1000000000)");
  CHECK(fault_of(line("1", "0", "5", "4", "4", "9")
                 + line("1", "0", "5", "4", "4", "9"))
        == "2:1: job 1 is already in line 1");
  CHECK(fault_of(line("1", "7", "5", "4", "4", "9")
                 + line("2", "6", "5", "4", "4", "9"))
        == "2:3: the job is submitted at 6, before the one above at 7 (sort "
           "the log by submit time)");
  CHECK(fault_of("; nothing\n") == "2:1: the log has no job that ran");
}

TEST_SUITE_END();
