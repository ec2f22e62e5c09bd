#include "tests/cli/process.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace skerry::testing {
namespace {

void redirect(const std::string& file, int stream) {
  auto* opened = std::fopen(file.c_str(), "wb");
  if (opened == nullptr || ::dup2(::fileno(opened), stream) < 0)
    ::_exit(99);
}

void connect_stdout(stdout_to to, const std::string& file) {
  int ends[2];
  switch (to) {
  case stdout_to::file:
    redirect(file, STDOUT_FILENO);
    return;
  case stdout_to::nothing:
    ::close(STDOUT_FILENO);
    return;
  case stdout_to::closed_pipe:
    if (::pipe(ends) != 0 || ::dup2(ends[1], STDOUT_FILENO) < 0)
      ::_exit(99);
    ::close(ends[0]);
    ::close(ends[1]);
  }
}

} // namespace

skerry_process::skerry_process(const std::vector<std::string>& arguments,
                               stdout_to out) {
  std::vector<char*> argv{const_cast<char*>("skerry")};
  for (const auto& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  id_ = ::fork();
  if (id_ < 0)
    throw std::runtime_error{"cannot fork"};
  if (id_ > 0)
    return;
  // A shell's `&` and nohup let the tests inherit them ignored.
  for (const auto signal : {SIGHUP, SIGINT, SIGTERM})
    (void)std::signal(signal, SIG_DFL); // Fails for unknown signals only.
  redirect(streams_.path() / "err", STDERR_FILENO);
  connect_stdout(out, streams_.path() / "out");
  ::execv(SKERRY_BINARY, argv.data());
  ::_exit(99);
}

skerry_process::~skerry_process() {
  if (id_ < 0)
    return;
  send(SIGKILL);
  (void)::waitpid(id_, nullptr, 0); // It is ours and has been killed.
}

bool skerry_process::has_ended() {
  if (id_ >= 0 && ::waitpid(id_, &status_, WNOHANG) == id_)
    id_ = -1;
  return id_ < 0;
}

std::string skerry_process::out_so_far() const {
  return read_bytes(streams_.path() / "out");
}

std::string skerry_process::err_so_far() const {
  return read_bytes(streams_.path() / "err");
}

void skerry_process::send(int signal) const {
  (void)::kill(id_, signal);
}

ended_process skerry_process::wait() {
  if (id_ >= 0 && ::waitpid(id_, &status_, 0) != id_)
    throw std::runtime_error{"cannot wait"};
  id_ = -1;
  return {.exit_code
          = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_),
          .out = read_bytes(streams_.path() / "out"),
          .err = read_bytes(streams_.path() / "err")};
}

ended_process run_skerry(const std::vector<std::string>& arguments,
                         stdout_to out) {
  return skerry_process{arguments, out}.wait();
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream in{std::string{text}};
  std::vector<std::string> found;
  for (std::string word; in >> word;)
    found.push_back(word);
  return found;
}

void check_refused(const std::vector<std::string>& arguments,
                   std::string_view reason, int exit_code) {
  const auto ended = run_skerry(arguments);
  CAPTURE(ended.err);
  CHECK(ended.exit_code == exit_code);
  CHECK(ended.out.empty());
  CHECK(ended.err.starts_with("skerry: error: "));
  CHECK(std::ranges::count(ended.err, '\n') == 1);
  CHECK(ended.err.find(reason) != std::string::npos);
}

} // namespace skerry::testing
