#pragma once

namespace skerry::detail {

/// Prints the broken property with its place and aborts: a wrong ledger must
/// not go on placing.
[[noreturn]] void assertion_failed(const char* property, const char* file,
                                   int line);

} // namespace skerry::detail

/// For our own mistakes only, one property per line; stays on in release.
/// Input is validated and answered with an error, never asserted.
#define SKERRY_ASSERT(property)                                                \
  (static_cast<bool>(property)                                                 \
       ? static_cast<void>(0)                                                  \
       : ::skerry::detail::assertion_failed(#property, __FILE__, __LINE__))
