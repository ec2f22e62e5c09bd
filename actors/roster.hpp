#pragma once

#include "actors/mesh.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace skerry {

struct host_and_port {
  std::string host;
  std::uint16_t port = 0;

  bool is_loopback() const;
};

/// Reads "HOST:PORT" or "[IPV6]:PORT".
/// @returns `invalid_argument`.
result<host_and_port> split_address(const std::string& address);

struct roster_options {
  std::string name;
  std::uint64_t epoch = 0;
  std::string own_address;
  std::int64_t timeout_milliseconds = 5000;
  /// Between dials of one address: doubles from the first to the last.
  std::int64_t first_retry_milliseconds = 200;
  std::int64_t last_retry_milliseconds = 5000;
  /// Of two servers that know each other the one of the greater address lets
  /// the other dial first, so that not both do at once.
  std::int64_t yield_milliseconds = 1000;
  /// Servers that were given up and have not come back: a name each in every
  /// hello. More are not taken from others.
  std::size_t max_forgotten = 256;
};

enum class roster_verdict : std::uint8_t {
  refused, ///< Given up, of the past, of another schema, or ourselves.
  known,
  changed, ///< A server came, or came back as another incarnation.
};

/// Who is in the cluster, as far as this server has heard. Addresses are
/// dialed for ever: a server that is down may come back at any time.
class roster {
public:
  roster(roster_options options, const std::vector<std::string>& seeds);

  /// @param dialed Where it answered; empty when it has called us.
  roster_verdict heard(const mesh::v1::ServerHello& hello,
                       const std::string& dialed, std::int64_t now);
  /// @returns Whether it was not reachable before.
  bool connected(const std::string& name, std::int64_t now);
  void disconnected(const std::string& name, std::int64_t now);
  void dial_failed(const std::string& address, std::int64_t now);
  /// The operator's word that a server is gone, as it was in this epoch. Only
  /// in a later one is it a server again.
  /// @returns Whether that is news: it is not when a later epoch has been
  /// heard.
  ///          That this server itself is given up always is.
  bool forget(const std::string& name, std::uint64_t epoch);
  /// Takes over what the sender knows of servers that were given up.
  /// @returns What is news.
  std::map<std::string, std::uint64_t>
  learn_forgotten(const mesh::v1::ServerHello& hello);
  const std::map<std::string, std::uint64_t>& forgotten() const {
    return forgotten_;
  }

  /// Addresses to dial now; each is then taken as being dialed.
  std::vector<std::string> to_dial(std::int64_t now);
  /// Reachable servers that have said nothing for too long.
  std::vector<std::string> silent(std::int64_t now) const;
  std::vector<peer> peers(std::int64_t now) const;
  std::string address_of(const std::string& name) const;

private:
  struct known_server {
    peer seen;
    std::int64_t heard_at = 0;
  };

  struct dialing {
    std::int64_t next_at = 0;
    std::int64_t pause = 0;
    bool ours = false;    ///< It has answered as this server itself.
    bool yielded = false; ///< The other has had its chance.
  };

  bool is_reached(const std::string& address) const;

  roster_options options_;
  std::map<std::string, known_server> servers_;
  std::map<std::string, dialing> addresses_;
  std::map<std::string, std::uint64_t> forgotten_; ///< Their epochs, by name.
};

} // namespace skerry
