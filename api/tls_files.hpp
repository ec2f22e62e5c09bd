#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// What a certificate says.
struct certificate_info {
  std::string subject;
  std::string issuer;
  std::string uri; ///< Role and name; empty for authorities.
  std::vector<std::string> hosts;
  bool is_authority = false;
  std::int64_t valid_from = 0; ///< Seconds since 1970.
  std::int64_t valid_until = 0;
  std::string sha256; ///< Of the DER form, as hexadecimal digits.
};

/// @returns `malformed` when `pem` does not begin with a certificate.
result<certificate_info> read_certificate(std::string_view pem);

/// What one end of a connection shows, and what it holds the other end to.
struct tls_files {
  std::string authority;
  std::string certificate;
  std::string key;
};

enum class tls_side { server, client };

/// Reads STEM-ca.pem, STEM.pem and STEM.key of a folder and checks that they
/// can work: the key fits, the authority has signed, the time has come and has
/// not passed. Libraries notice late, and say little.
/// @param stem "api", or "mesh" for what servers show each other.
/// @param now  Seconds since 1970.
/// @returns `invalid_argument` with the file, the fault and how to mend it.
result<tls_files> load_tls_files(const std::filesystem::path& folder,
                                 std::string_view stem, tls_side side,
                                 std::int64_t now);

/// "2027-01-31 12:00:00 UTC".
std::string utc_text(std::int64_t unix_seconds);

} // namespace skerry
