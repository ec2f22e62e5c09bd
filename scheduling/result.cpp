#include "scheduling/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace skerry {

std::string_view to_string(error_code code) {
  switch (code) {
  case error_code::invalid_argument:
    return "invalid_argument";
  case error_code::not_found:
    return "not_found";
  case error_code::already_exists:
    return "already_exists";
  case error_code::infeasible:
    return "infeasible";
  case error_code::insufficient:
    return "insufficient";
  case error_code::stale_snapshot:
    return "stale_snapshot";
  case error_code::stale_epoch:
    return "stale_epoch";
  case error_code::conflict:
    return "conflict";
  case error_code::malformed:
    return "malformed";
  case error_code::io_failed:
    return "io_failed";
  case error_code::limit_exceeded:
    return "limit_exceeded";
  case error_code::unreachable:
    return "unreachable";
  }
  return "unknown";
}

namespace detail {

void assertion_failed(const char* property, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken property: %s\n", file, line, property);
  std::abort();
}

} // namespace detail
} // namespace skerry
