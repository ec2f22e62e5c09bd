#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <string>

namespace skerry {

/// HOST:PORT, where HOST is a name, an IPv4 address or an IPv6 address in
/// brackets.
struct host_port {
  std::string host; ///< Without brackets.
  std::uint16_t port = 0;

  friend bool operator==(const host_port&, const host_port&) = default;
};

/// @returns `invalid_argument` with what is expected.
result<host_port> parse_host_port(const std::string& text);

std::string to_string(const host_port& address);

/// "localhost", 127.0.0.0/8 and ::1. A name is not looked up: what it means may
/// change.
bool is_loopback(const std::string& host);

/// Whether the address can be listened on now, since gRPC only says that it
/// could not.
/// @returns `invalid_argument` for a host that is not known, `io_failed` with
///          the reason, for example that the port is taken.
result<> check_can_listen(const host_port& at);

} // namespace skerry
