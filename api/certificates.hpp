#pragma once

#include "api/issuing.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace skerry {

/// The certificates of a cluster as files:
///
///   DIR/api-ca.{pem,key}   signs what agents, clients and servers show over
///                          gRPC
///   DIR/mesh-ca.{pem,key}  signs what servers show each other: no agent can
///                          ever pass for a server
///   DIR/server-NAME/       api-ca.pem api.{pem,key} mesh-ca.pem mesh.{pem,key}
///   DIR/agent-NAME/, DIR/client-NAME/   api-ca.pem api.{pem,key}
///
/// A folder is copied whole to its machine and named with --tls. Folders are
/// for their owner alone, and so are keys. All files of a call appear together
/// or not at all.
struct certificate_options {
  std::filesystem::path folder = "certs"; ///< DIR.
  int days = 365;                         ///< 1 to 36500.
  bool force = false;                     ///< Replaces what is there.
  std::int64_t now = 0;                   ///< Seconds since 1970.
};

struct made_file {
  std::filesystem::path path;
  std::int64_t valid_until = 0; ///< Seconds since 1970; 0 for keys.
};

/// Makes both authorities.
/// @returns `already_exists` naming the file, unless forced;
///          `invalid_argument` for the days, `io_failed`.
result<std::vector<made_file>>
make_authorities(const certificate_options& options);

/// Makes the folder of a server, an agent or a client.
/// @returns as `make_authorities`; `not_found` when there are no authorities.
result<std::vector<made_file>>
make_certificates(const certificate_options& options,
                  const certificate_subject& subject);

/// Hosts of a server that names none.
std::vector<std::string> loopback_hosts();

} // namespace skerry
