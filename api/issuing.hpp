#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// A certificate and its private key, as PEM: EC P-256, signed with SHA-256.
struct issued_certificate {
  std::string certificate;
  std::string key; ///< PKCS #8, not encrypted.
};

/// Seconds since 1970, both included.
struct validity {
  std::int64_t from = 0;
  std::int64_t until = 0;
};

/// Whom a certificate is for.
struct certificate_subject {
  std::string role; ///< "server", "agent" or "client".
  std::string name; ///< Letters, digits, '-', '_', '.'; at most 64.
  /// Of servers: DNS names and IP addresses at which clients reach them.
  std::vector<std::string> hosts;
};

/// @returns `invalid_argument` with what is wrong.
result<> validate(const certificate_subject& subject);

/// A certificate that signs others and itself.
result<issued_certificate> make_authority(const std::string& name,
                                          validity valid);

/// A certificate with the URI spiffe://skerry/ROLE/NAME and the hosts. Only a
/// server's may be shown to clients.
/// @returns `invalid_argument` for the subject and for a time that ends more
///          than a day after the authority's (less is cut off), `malformed` for
///          an authority that cannot be read.
result<issued_certificate> issue(const issued_certificate& authority,
                                 const certificate_subject& subject,
                                 validity valid);

} // namespace skerry
