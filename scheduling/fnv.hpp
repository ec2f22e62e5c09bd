#pragma once

#include <cstdint>
#include <string_view>

namespace skerry {

/// FNV-1a, 64 bits: specified, unlike std::hash, so that it may stand on disk.
/// Against damage, not against forgery.
/// @source Fowler, Noll and Vo; RFC 9923.
class fnv1a {
public:
  fnv1a& bytes(std::string_view data) {
    for (const auto c : data)
      take(static_cast<unsigned char>(c));
    return *this;
  }

  /// So that "ab", "c" and "a", "bc" differ: ends with a byte that UTF-8 does
  /// not have.
  fnv1a& text(std::string_view data) {
    bytes(data).take(0xff);
    return *this;
  }

  std::uint64_t value() const { return hash_; }

private:
  void take(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3; }

  std::uint64_t hash_ = 0xcbf29ce484222325;
};

} // namespace skerry
