#include "tests/cli/process.hpp"

#include <csignal>
#include <filesystem>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace skerry::testing;

namespace {

/// A log whose schedule takes seconds: every job waits from the start, and the
/// order is worked out anew for each that starts.
std::string long_log() {
  std::string text;
  for (int job = 1; job <= 30'000; ++job)
    text += std::to_string(job)
            + " 0 -1 10 1 -1 -1 1 10 -1 1 -1 -1 -1 -1 -1 -1 -1\n";
  return text;
}

} // namespace

TEST_SUITE_BEGIN("cli/app");

TEST_CASE("every command explains itself, with an example") {
  for (const std::string command : {"",
                                    "simulate",
                                    "simulate openb",
                                    "simulate swf",
                                    "simulate departures",
                                    "simulate synthetic",
                                    "bench",
                                    "submit",
                                    "run",
                                    "decide",
                                    "get",
                                    "get jobs",
                                    "get nodes",
                                    "get servers",
                                    "get decisions",
                                    "describe",
                                    "describe job",
                                    "describe task",
                                    "describe node",
                                    "describe server",
                                    "explain",
                                    "logs",
                                    "cancel",
                                    "resize",
                                    "node",
                                    "node drain",
                                    "node cordon",
                                    "node uncordon",
                                    "node forget",
                                    "forget-server",
                                    "server",
                                    "dev",
                                    "config",
                                    "config check",
                                    "config show",
                                    "doctor"}) {
    CAPTURE(command);
    const auto ended = run_skerry(words(command + " --help"));
    CHECK(ended.exit_code == 0);
    CHECK(ended.err.empty());
    CHECK(ended.out.find("Usage: skerry " + command) != std::string::npos);
    if (!command.empty())
      CHECK(ended.out.find("Example:\n  skerry ") != std::string::npos);
  }
}

TEST_CASE("the version names the commit or says that it is unknown") {
  const auto ended = run_skerry({"--version"});
  CHECK(ended.exit_code == 0);
  CHECK(ended.out.starts_with("skerry " SKERRY_PROJECT_VERSION " (commit "));
}

TEST_CASE("a command line that is not understood is refused in one line") {
  check_refused({}, "see skerry --help");
  check_refused({"simulate"}, "see skerry simulate --help");
  check_refused({"fly"}, "fly");
  check_refused({"simulate", "fly"}, "fly");
  check_refused(words("simulate swf --fly"), "--fly");
  check_refused(words("simulate swf"), "--trace is required");
  check_refused(words("simulate swf --trace"), "--trace");
  check_refused(words("-o yaml simulate swf --trace a --procs 1 --policy f1"),
                "--output: there is no \"yaml\" (known: table, json)");
}

TEST_CASE("a reader that has gone is no failure") {
  const auto ended = run_skerry({"--help"}, stdout_to::closed_pipe);
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
}

TEST_CASE("a result that cannot be written is a failure") {
  const auto ended = run_skerry({"--help"}, stdout_to::nothing);
  CHECK(ended.exit_code == 1);
  CHECK(ended.err.starts_with("skerry: error: cannot write to stdout"));
}

TEST_CASE("an interrupted run tells the signal and leaves no file behind") {
  for (const auto signal : {SIGHUP, SIGINT, SIGTERM}) {
    CAPTURE(signal);
    const fresh_directory input;
    const fresh_directory output;
    const auto log = input.write("long.swf", long_log());
    skerry_process run{{"simulate", "swf", "--trace", log, "--procs", "1",
                        "--policy", "unicep", "--schedule",
                        output.path() / "schedule.csv"}};
    // The unfinished schedule is there as soon as the simulation begins.
    while (std::filesystem::is_empty(output.path()) && !run.has_ended())
      ::usleep(1000);
    run.send(signal);
    const auto ended = run.wait();
    CHECK(ended.exit_code == 128 + signal);
    CHECK(ended.out.empty());
    CHECK(ended.err.empty());
    CHECK(std::filesystem::is_empty(output.path()));
  }
}

TEST_SUITE_END();
