#pragma once

#include "messages/skerry/v1/agent_link.pb.h"
#include "scheduling/result.hpp"
#include "scheduling/specs.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace skerry {

/// What one task takes of its node, as its order says.
struct holding {
  resources amounts;
  std::map<std::string, std::int64_t> named_milli = {};
  struct device {
    std::uint32_t index = 0;
    std::int32_t milli = 0; ///< The whole capacity for a whole device.
    std::int64_t memory_bytes = 0;
  };
  std::vector<device> devices = {};
};

/// The machine's own account: what its tasks hold never exceeds its capacity,
/// even when a server errs.
class account {
public:
  explicit account(const node_spec& node);

  /// What `order` would take.
  /// @returns `invalid_argument` for amounts below zero and unknown devices.
  result<holding> holding_of(const v1::StartOrder& order) const;

  /// @returns `insufficient`, naming what is short; then nothing is taken.
  result<> take(const holding& wanted);
  /// Takes what already runs, whether it fits or not: a journal of before the
  /// capacity was lowered. Nothing more fits until it is back within bounds.
  void take_unchecked(const holding& wanted);
  /// @pre It was taken.
  void release(const holding& held);

  /// Changes the amounts of `held` when the growth fits.
  /// @returns `insufficient`, or `invalid_argument` for amounts below zero.
  result<> resize(holding& held, const resources& amounts);

  static result<> validate(const resources& amounts);

  const resources& free() const { return free_; }
  std::uint32_t tasks() const { return tasks_; }

private:
  struct device_room {
    std::int32_t capacity_milli = 0;
    std::int32_t free_milli = 0;
    std::int64_t free_bytes = 0;
    bool counts_bytes = false; ///< Its memory is known.
  };

  result<> check(const holding& wanted) const;
  void move(const holding& by, std::int64_t sign);

  resources free_;
  std::map<std::string, std::int64_t> free_named_;
  std::vector<device_room> devices_;
  std::vector<std::string> kinds_;
  std::uint32_t max_tasks_;
  std::uint32_t tasks_ = 0;
};

} // namespace skerry
