#include "benchmarks/child_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace skerry {

namespace {

error gone() {
  return {error_code::io_failed, "a process of the benchmark has ended"};
}

} // namespace

// -- lines --------------------------------------------------------------------

line_link::line_link(line_link&& other) noexcept
    : socket_{std::exchange(other.socket_, -1)}, read_{std::move(other.read_)} {
}

line_link::~line_link() {
  if (socket_ >= 0)
    (void)::close(socket_); // Nothing is kept in it.
}

result<> line_link::send(std::string_view line) {
  auto text = std::string{line} + '\n';
  for (std::string_view rest = text; !rest.empty();) {
    const auto sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR)
      return gone();
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  }
  return done{};
}

result<std::string> line_link::receive() {
  for (;;) {
    if (const auto end = read_.find('\n'); end != std::string::npos) {
      auto line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> buffer{};
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got == 0 || (got < 0 && errno != EINTR))
      return gone();
    if (got > 0)
      read_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// -- the process --------------------------------------------------------------

result<child_process>
child_process::start(const std::function<void(line_link&)>& run) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) < 0)
    return error{error_code::io_failed, std::strerror(errno)};
  const auto pid = ::fork();
  if (pid == 0) {
    (void)::close(sockets[0]);                // The parent's.
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL); // Fails for bad signals only.
    line_link parent{sockets[1]};
    run(parent);
    ::_exit(0); // Not what the parent does at its end, such as to print.
  }
  (void)::close(sockets[1]);
  line_link link{sockets[0]};
  if (pid < 0)
    return error{error_code::io_failed, std::strerror(errno)};
  return child_process{pid, std::move(link)};
}

child_process::child_process(child_process&& other) noexcept
    : pid_{std::exchange(other.pid_, 0)}, link_{std::move(other.link_)} {}

child_process::~child_process() {
  end();
}

double child_process::cpu_seconds() const {
  clockid_t clock{};
  timespec used{};
  if (pid_ == 0 || ::clock_getcpuclockid(pid_, &clock) != 0
      || ::clock_gettime(clock, &used) != 0)
    return 0;
  return static_cast<double>(used.tv_sec)
         + static_cast<double>(used.tv_nsec) * 1e-9;
}

void child_process::end() {
  if (pid_ == 0)
    return;
  (void)link_.send("end"); // Where it fails, it has ended by itself.
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
    ;
  pid_ = 0;
}

} // namespace skerry
