#pragma once

#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry::testing {

/// "127.0.0.1:PORT" with a port that was free just now. For what cannot listen
/// on port 0.
inline std::string free_address() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const bool bound = socket >= 0 && ::bind(socket, raw, size) == 0
                     && ::getsockname(socket, raw, &size) == 0;
  ::close(socket);
  if (!bound)
    throw std::runtime_error{"no free port"};
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

} // namespace skerry::testing
