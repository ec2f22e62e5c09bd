#include "agent/probe.hpp"

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("agent/probe");

namespace {

/// Listens on a fresh port; answers one request with `answer`, if there is one.
class one_answer {
public:
  explicit one_answer(std::string answer) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd_, any, size) == 0);
    REQUIRE(::listen(fd_, 4) == 0);
    REQUIRE(::getsockname(fd_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    if (answer.empty())
      return;
    thread_ = std::thread{[this, text = std::move(answer)] {
      const int peer = ::accept(fd_, nullptr, nullptr);
      std::array<char, 1024> request{};
      (void)!::recv(peer, request.data(), request.size(), 0);
      (void)!::send(peer, text.data(), text.size(), 0);
      ::close(peer);
    }};
  }
  one_answer(const one_answer&) = delete;
  one_answer& operator=(const one_answer&) = delete;
  ~one_answer() {
    if (thread_.joinable())
      thread_.join();
    ::close(fd_);
  }

  v1::Probe probe(v1::Probe::Kind kind) const {
    v1::Probe out;
    out.set_kind(kind);
    out.set_port(port_);
    out.set_timeout_milliseconds(200);
    return out;
  }

private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

} // namespace

TEST_CASE("an HTTP probe measures until the answer") {
  const one_answer service{"HTTP/1.1 204 No Content\r\n\r\n"};
  const auto took = probe_once(service.probe(v1::Probe::HTTP));
  REQUIRE(took);
  CHECK(*took > 0);
}

TEST_CASE("an answer that is an error is a failure") {
  const one_answer service{"HTTP/1.1 503 Busy\r\n\r\n"};
  CHECK(!probe_once(service.probe(v1::Probe::HTTP)));
}

TEST_CASE("a service that is silent fails after the timeout") {
  const one_answer service{""};
  const auto failed = probe_once(service.probe(v1::Probe::HTTP));
  REQUIRE(!failed);
  CHECK(failed.failure().message == "the probe got no answer in time");
}

TEST_CASE("a TCP probe wants a connection only") {
  const one_answer service{""};
  CHECK(probe_once(service.probe(v1::Probe::TCP)));
}

TEST_CASE("a port where nobody listens is a failure") {
  v1::Probe nobody;
  {
    const one_answer gone{""};
    nobody = gone.probe(v1::Probe::TCP);
  }
  CHECK(!probe_once(nobody));
}
