#pragma once

#include "cli/exit_code.hpp"
#include "scheduling/assert.hpp"

#include <string>
#include <utility>
#include <variant>

namespace skerry {

/// How a command ended: what the process tells its caller, and what it says
/// about it on stderr, a line for each fault; nothing when all went well.
struct ending {
  exit_code code = exit_code::ok;
  std::string complaint = {};

  ending() = default;
  ending(exit_code how, std::string what = {})
      : code{how}, complaint{std::move(what)} {}
  ending(const error& fault)
      : code{exit_code_of(fault.code)}, complaint{fault.message} {}
  ending(const result<>& outcome) {
    if (!outcome)
      *this = ending{outcome.failure()};
  }

  explicit operator bool() const { return code == exit_code::ok; }
};

/// A `result` whose failure may be that no server answers, which no error of
/// the core stands for.
template <class T>
class [[nodiscard]] answer {
public:
  answer(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  answer(ending failure) : state_{std::in_place_index<1>, std::move(failure)} {
    SKERRY_ASSERT(!*std::get_if<1>(&state_));
  }
  answer(const error& failure) : answer{ending{failure}} {}

  explicit operator bool() const { return state_.index() == 0; }

  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }

  const ending& failure() const {
    SKERRY_ASSERT(!*this);
    return *std::get_if<1>(&state_);
  }

private:
  T& value() {
    SKERRY_ASSERT(static_cast<bool>(*this));
    return *std::get_if<0>(&state_);
  }

  std::variant<T, ending> state_;
};

} // namespace skerry
