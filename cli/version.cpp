#include "cli/version.hpp"

namespace skerry {

std::string_view version() {
  return SKERRY_VERSION;
}

std::string_view commit() {
  return SKERRY_COMMIT;
}

} // namespace skerry
