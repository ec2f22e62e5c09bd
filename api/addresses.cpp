#include "api/addresses.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace skerry {
namespace {

struct free_list {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

error cannot_listen(const host_port& at, int fault) {
  const auto* mend = "";
  if (fault == EADDRINUSE)
    mend = "; another process listens there: stop it, or choose another port";
  else if (fault == EACCES)
    mend = "; choose a port above 1023";
  else if (fault == EADDRNOTAVAIL)
    mend = "; this machine does not have that address";
  return {error_code::io_failed,
          fmt::format("cannot listen on {}: {}{}", to_string(at),
                      std::strerror(fault), mend)};
}

/// @returns The errno that binding failed with, or 0.
int try_to_bind(const addrinfo& address) {
  const auto socket
      = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, 0);
  if (socket < 0)
    return errno;
  const int yes = 1; // As gRPC does: a port of a dead server is free.
  (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool bound = ::bind(socket, address.ai_addr, address.ai_addrlen) == 0
                     && ::listen(socket, 1) == 0;
  const auto fault = bound ? 0 : errno;
  (void)::close(socket); // Nothing was sent.
  return fault;
}

} // namespace

result<host_port> parse_host_port(const std::string& text) {
  const auto bad = [&](std::string_view why) {
    return error{error_code::invalid_argument,
                 fmt::format("'{}' is no HOST:PORT: {}; for example "
                             "127.0.0.1:7070 or [::1]:7070",
                             text, why)};
  };
  const auto colon = text.rfind(':');
  if (colon == text.npos)
    return bad("there is no port");
  host_port out{.host = text.substr(0, colon)};
  const bool has_brackets = out.host.size() > 2 && out.host.front() == '['
                            && out.host.back() == ']';
  if (has_brackets)
    out.host = out.host.substr(1, out.host.size() - 2);
  if (out.host.empty())
    return bad("there is no host; 0.0.0.0 means all addresses");
  if (!has_brackets && out.host.find(':') != out.host.npos)
    return bad("an IPv6 address stands in brackets");
  if (out.host.find_first_of("/ []%,") != out.host.npos)
    return bad("this is no name of a host");
  const auto* begin = text.data() + colon + 1;
  const auto* end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(begin, end, out.port);
  if (fault != std::errc{} || rest != end)
    return bad("the port is no number from 0 to 65535");
  return out;
}

std::string to_string(const host_port& address) {
  const bool is_ipv6 = address.host.find(':') != address.host.npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", address.host,
                     is_ipv6 ? "]" : "", address.port);
}

bool is_loopback(const std::string& host) {
  in_addr ipv4{};
  if (::inet_pton(AF_INET, host.c_str(), &ipv4) == 1)
    return (ntohl(ipv4.s_addr) >> 24) == 127;
  in6_addr ipv6{};
  if (::inet_pton(AF_INET6, host.c_str(), &ipv6) == 1)
    return IN6_IS_ADDR_LOOPBACK(&ipv6);
  return host == "localhost";
}

result<> check_can_listen(const host_port& at) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const auto fault = ::getaddrinfo(
          at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found);
      fault != 0)
    return error{error_code::invalid_argument,
                 fmt::format("cannot listen on {}: the host is not known ({})",
                             to_string(at), ::gai_strerror(fault))};
  const std::unique_ptr<addrinfo, free_list> list{found};
  int last_fault = EADDRNOTAVAIL;
  bool one_is_free = false;
  for (const auto* each = found; each != nullptr; each = each->ai_next) {
    const auto fault = try_to_bind(*each);
    if (fault == EADDRINUSE) // Half of "localhost" would be no server.
      return cannot_listen(at, fault);
    one_is_free = one_is_free || fault == 0;
    last_fault = fault == 0 ? last_fault : fault;
  }
  if (!one_is_free)
    return cannot_listen(at, last_fault);
  return done{};
}

} // namespace skerry
