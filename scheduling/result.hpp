#pragma once

#include "scheduling/assert.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace skerry {

/// Tells the caller what to do next. Numbered for wire and disk: only append.
enum class error_code : std::uint8_t {
  invalid_argument = 1, ///< Mend the request; the message names the field.
  not_found = 2,        ///< Look again, or create it first.
  already_exists = 3,   ///< Choose another id.
  infeasible = 4,       ///< Give up: it fits nowhere, even on empty nodes.
  insufficient = 5,     ///< Wait: it fits somewhere, but not now.
  stale_snapshot = 6,   ///< Plan again: the nodes or tasks have changed.
  stale_epoch = 7,      ///< Register again: the sender speaks for the past.
  conflict = 8,         ///< Not in this state of the node or task.
  malformed = 9,        ///< Mend the file; the message says where.
  io_failed = 10,       ///< Mend the machine; the message says what failed.
  limit_exceeded = 11,  ///< Ask for less; the message names the limit.
  unreachable = 12,     ///< No server, or no answer in time: ask again.
};

/// The code in the field's spelling, for example "stale_snapshot".
std::string_view to_string(error_code code);

struct error {
  error_code code;
  std::string message; ///< A sentence without a full stop, for a human.

  friend bool operator==(const error&, const error&) = default;
};

/// Stands for "nothing to return" in a `result`.
struct done {
  friend bool operator==(const done&, const done&) = default;
};

/// A value or the error that prevented it. Reading the wrong one is our own
/// mistake and asserts.
template <class T = done>
class [[nodiscard]] result {
public:
  result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  result(error failure) : state_{std::in_place_index<1>, std::move(failure)} {}
  result(error_code code, std::string message)
      : state_{std::in_place_index<1>, error{code, std::move(message)}} {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    SKERRY_ASSERT(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    SKERRY_ASSERT(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    SKERRY_ASSERT(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const error& failure() const {
    SKERRY_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }

private:
  std::variant<T, error> state_;
};

} // namespace skerry
