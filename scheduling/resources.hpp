#pragma once

#include "scheduling/result.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skerry {

/// An amount that knows its unit, so that bytes are never taken for cores.
template <class Unit>
struct quantity {
  std::int64_t value = 0;

  friend constexpr auto operator<=>(quantity, quantity) = default;
};

using millicores = quantity<struct millicores_unit>;
using bytes = quantity<struct bytes_unit>;
using bits_per_second = quantity<struct bits_per_second_unit>;

namespace literals {

constexpr millicores operator""_mcores(unsigned long long amount) {
  return {static_cast<std::int64_t>(amount)};
}
constexpr millicores operator""_cores(unsigned long long amount) {
  return {static_cast<std::int64_t>(amount) * 1000};
}
constexpr bytes operator""_MiB(unsigned long long amount) {
  return {static_cast<std::int64_t>(amount) << 20};
}
constexpr bytes operator""_GiB(unsigned long long amount) {
  return {static_cast<std::int64_t>(amount) << 30};
}
constexpr bits_per_second operator""_Mbps(unsigned long long amount) {
  return {static_cast<std::int64_t>(amount) * 1'000'000};
}

} // namespace literals

/// Index of a divisible resource. The first four are built in; a cluster names
/// further ones through its `catalog`.
enum class resource_kind : std::uint8_t {
  cpu = 0,     ///< millicores
  memory = 1,  ///< bytes
  disk = 2,    ///< bytes
  network = 3, ///< bits per second
  first_named = 4,
};

/// Twelve named resources beside the built-in four: a `resources` value stays
/// two cache lines, and no production cluster we know names more.
inline constexpr std::size_t max_resource_kinds = 16;

constexpr std::size_t index_of(resource_kind kind) {
  return static_cast<std::size_t>(kind);
}

/// Amounts of every resource kind, as int64 in the unit of the kind
/// (milli-units for named kinds). There is no floating point here, so sums are
/// exact.
///
/// Arithmetic that can leave the range of int64 is checked: see `plus`.
class resources {
public:
  constexpr resources() = default;
  constexpr resources(millicores cpu, bytes memory, bytes disk = {},
                      bits_per_second network = {})
      : amounts_{cpu.value, memory.value, disk.value, network.value} {}

  constexpr std::int64_t operator[](resource_kind kind) const {
    return amounts_[index_of(kind)];
  }
  constexpr std::int64_t operator[](std::size_t kind) const {
    return amounts_[kind];
  }
  constexpr void set(resource_kind kind, std::int64_t amount) {
    amounts_[index_of(kind)] = amount;
  }

  /// One more than the last kind with an amount other than zero.
  constexpr std::size_t kinds_used() const {
    auto used = max_resource_kinds;
    while (used > 0 && amounts_[used - 1] == 0)
      --used;
    return used;
  }

  /// Whether every amount is at most that of `other`.
  constexpr bool fits_in(const resources& other) const {
    for (std::size_t kind = 0; kind < max_resource_kinds; ++kind)
      if (amounts_[kind] > other.amounts_[kind])
        return false;
    return true;
  }

  friend constexpr bool operator==(const resources&, const resources&)
      = default;

private:
  std::array<std::int64_t, max_resource_kinds> amounts_{};
};

/// `a + b`, or `limit_exceeded` naming the kind whose sum leaves int64.
result<resources> plus(const resources& a, const resources& b);

/// `a - b`, or `limit_exceeded` naming the kind whose difference leaves int64.
result<resources> minus(const resources& a, const resources& b);

/// Name of a built-in kind ("cpu", "memory", "disk", "network").
/// @pre `kind` is built in.
std::string_view builtin_resource_name(resource_kind kind);

} // namespace skerry
