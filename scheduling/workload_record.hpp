#pragma once

#include "scheduling/specs.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace skerry {

/// The shapes of the last tasks, which policies are told as what will come.
class workload_record {
public:
  /// As many as tell a mix of a hundred kinds of tasks.
  static constexpr std::size_t capacity = 4096;
  /// Fewer say nothing.
  static constexpr std::uint64_t fewest = 64;

  /// @returns Whether the record has changed enough to tell policies anew: it
  ///          has doubled, or all of it is new.
  bool add(task_shape shape) {
    const auto position = seen_++ % capacity;
    if (position < shapes_.size())
      shapes_[position] = std::move(shape);
    else
      shapes_.push_back(std::move(shape));
    return seen_ >= capacity ? seen_ % capacity == 0
                             : seen_ >= fewest && std::has_single_bit(seen_);
  }

  std::span<const task_shape> shapes() const { return shapes_; }

private:
  std::vector<task_shape> shapes_;
  std::uint64_t seen_ = 0;
};

} // namespace skerry
