#include "agent/probe.hpp"

#include "agent/proc.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry {

namespace {

using steady = std::chrono::steady_clock;

constexpr std::int64_t default_interval_milliseconds = 1'000;
constexpr std::int64_t default_timeout_milliseconds = 1'000;
/// Probes go one after another: a dead service must not starve the others.
constexpr std::int64_t max_timeout_milliseconds = 5'000;

std::int64_t timeout_of(const v1::Probe& probe) {
  const auto asked = probe.timeout_milliseconds();
  return asked <= 0 ? default_timeout_milliseconds
                    : std::min(asked, max_timeout_milliseconds);
}

class socket_of_probe {
public:
  explicit socket_of_probe(int family)
      : fd_{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {}
  socket_of_probe(const socket_of_probe&) = delete;
  socket_of_probe& operator=(const socket_of_probe&) = delete;
  ~socket_of_probe() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int fd() const { return fd_; }

  bool wait(short events, steady::time_point until) const {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                            until - steady::now())
                            .count();
      if (left <= 0)
        return false;
      pollfd one{.fd = fd_, .events = events, .revents = 0};
      const int got = ::poll(&one, 1, static_cast<int>(left));
      if (got < 0 && errno == EINTR)
        continue;
      return got > 0;
    }
  }

private:
  int fd_;
};

error failed(std::string_view what) {
  return {error_code::io_failed, fmt::format("the probe {}", what)};
}

result<> ask(const socket_of_probe& to, const v1::Probe& probe,
             steady::time_point until) {
  const auto& host = probe.host().empty() ? "127.0.0.1" : probe.host();
  const auto path = probe.path().empty() ? "/" : probe.path();
  const auto request
      = fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: skerry\r\n"
                    "Connection: close\r\n\r\n",
                    path, host, probe.port());
  if (::send(to.fd(), request.data(), request.size(), MSG_NOSIGNAL)
      != static_cast<ssize_t>(request.size()))
    return failed("could not send its request");
  std::string answer;
  while (answer.size() < 12) { // "HTTP/1.1 200"
    std::array<char, 512> chunk{};
    if (!to.wait(POLLIN, until))
      return failed("got no answer in time");
    const auto got = ::recv(to.fd(), chunk.data(), chunk.size(), 0);
    if (got <= 0)
      return failed("got no answer");
    answer.append(chunk.data(), static_cast<std::size_t>(got));
  }
  const bool good
      = answer.starts_with("HTTP/1.") && (answer[9] == '2' || answer[9] == '3');
  if (!good)
    return failed("got an answer other than 2xx or 3xx");
  return done{};
}

} // namespace

result<std::int64_t> probe_once(const v1::Probe& probe) {
  const auto begin = steady::now();
  const auto until = begin + std::chrono::milliseconds{timeout_of(probe)};
  const std::string host = probe.host().empty() ? "127.0.0.1" : probe.host();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(probe.port()).c_str(), &hints,
                    &found)
      != 0)
    return failed("cannot resolve its host");
  const socket_of_probe to{found->ai_family};
  const int connected
      = ::connect(to.fd(), found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  ::freeaddrinfo(found);
  if (connected != 0 && connected != EINPROGRESS)
    return failed("cannot connect");
  if (!to.wait(POLLOUT, until))
    return failed("got no connection in time");
  int fault = 0;
  socklen_t size = sizeof fault;
  if (::getsockopt(to.fd(), SOL_SOCKET, SO_ERROR, &fault, &size) != 0
      || fault != 0)
    return failed("cannot connect");
  if (probe.kind() == v1::Probe::HTTP)
    if (auto answered = ask(to, probe, until); !answered)
      return answered.failure();
  return std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::microseconds>(steady::now()
                                                               - begin)
             .count());
}

prober::prober() : thread_{[this] { run(); }} {}

prober::~prober() {
  {
    const std::lock_guard hold{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void prober::watch(const task_key& key, const v1::Probe& probe) {
  {
    const std::lock_guard hold{mutex_};
    watched_[key] = {.probe = probe};
  }
  wake_.notify_all();
}

void prober::forget(const task_key& key) {
  const std::lock_guard hold{mutex_};
  watched_.erase(key);
}

std::int64_t prober::latest_microseconds(const task_key& key) const {
  const std::lock_guard hold{mutex_};
  const auto found = watched_.find(key);
  return found == watched_.end() ? 0 : found->second.microseconds;
}

void prober::run() {
  std::unique_lock hold{mutex_};
  while (!stopping_) {
    const auto next = std::ranges::min_element(
        watched_, {}, [](const auto& each) { return each.second.next; });
    const auto now = boot_milliseconds();
    if (next == watched_.end()) {
      wake_.wait(hold);
      continue;
    }
    if (next->second.next > now) {
      wake_.wait_for(hold, std::chrono::milliseconds{next->second.next - now});
      continue;
    }
    const auto key = next->first;
    const auto probe = next->second.probe;
    hold.unlock();
    const auto took = probe_once(probe);
    hold.lock();
    const auto found = watched_.find(key);
    if (found == watched_.end())
      continue;
    const auto interval = probe.interval_milliseconds() <= 0
                              ? default_interval_milliseconds
                              : probe.interval_milliseconds();
    found->second.next = boot_milliseconds() + interval;
    found->second.microseconds = took ? *took : timeout_of(probe) * 1000;
  }
}

} // namespace skerry
