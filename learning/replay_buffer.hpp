#pragma once

#include "learning/replay_sampler.hpp"

#include <utility>
#include <vector>

namespace skerry {

/// A ring of the last items, sampled as `replay_sampler` says.
///
/// Threads: none; one caller at a time.
template <class Item>
class replay_buffer {
public:
  /// @pre `validate(options)`.
  explicit replay_buffer(const replay_options& options) : sampler_{options} {}

  const replay_sampler& sampler() const { return sampler_; }

  /// @returns The key of the item, which takes the place of the oldest when
  ///          the ring is full.
  std::uint64_t insert(Item item) {
    const auto key = sampler_.insert();
    const auto slot = sampler_.slot_of(key);
    if (slot < items_.size())
      items_[slot] = std::move(item);
    else
      items_.push_back(std::move(item));
    return key;
  }

  /// Nothing for one that has been overwritten. Valid until the next `insert`.
  const Item* find(std::uint64_t key) const {
    return sampler_.holds(key) ? &items_[sampler_.slot_of(key)] : nullptr;
  }

  result<> sample_evenly(std::span<replay_pick> out, rng& random) {
    return sampler_.sample_evenly(out, random);
  }
  result<> sample_by_priority(std::span<replay_pick> out, double exponent,
                              rng& random) {
    return sampler_.sample_by_priority(out, exponent, random);
  }
  bool set_priority(std::uint64_t key, double priority) {
    return sampler_.set_priority(key, priority);
  }

private:
  replay_sampler sampler_;
  std::vector<Item> items_; ///< By slot.
};

} // namespace skerry
