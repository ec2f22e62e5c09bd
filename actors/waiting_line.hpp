#pragma once

#include "scheduling/fair_share.hpp"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>

namespace skerry {

/// Where something stands in a line: lesser ones go first.
struct line_key {
  std::int32_t tier = 0;     ///< Negative: of high priority.
  std::uint64_t arrival = 0; ///< Of its oldest task.
  std::uint64_t number = 0;  ///< Its own.

  friend auto operator<=>(const line_key&, const line_key&) = default;
};

/// A line of several tenants: the first tier goes first, in it the tenant that
/// is charged least, and of its entries the one that came first.
///
/// @cost `first` asks for the charge of each tenant in the first tier, if there
///       are several; the rest is logarithmic.
template <class Entry>
class waiting_line {
public:
  bool empty() const { return tiers_.empty(); }

  void insert(const line_key& key, fair_share::tenant* whose, Entry* entry) {
    tiers_[key.tier][whose].emplace(key, entry);
  }

  void erase(const line_key& key, fair_share::tenant* whose) {
    const auto tier = tiers_.find(key.tier);
    const auto line = tier->second.find(whose);
    line->second.erase(key);
    if (!line->second.empty())
      return;
    tier->second.erase(line);
    if (tier->second.empty())
      tiers_.erase(tier);
  }

  struct turn {
    Entry* entry = nullptr;
    /// Of the tenant whose turn is next; it is as good as never without one.
    double next_charge = std::numeric_limits<double>::infinity();
  };

  /// @pre Not empty.
  turn first(const fair_share& shares) const {
    const auto& tier = tiers_.begin()->second;
    if (tier.size() == 1)
      return {tier.begin()->second.begin()->second};
    using charge_and_key = std::pair<double, line_key>;
    constexpr charge_and_key last{std::numeric_limits<double>::infinity(), {}};
    turn best;
    auto least = last;
    for (const auto& [whose, line] : tier) {
      const charge_and_key its{shares.charge(*whose), line.begin()->first};
      if (best.entry != nullptr && !(its < least)) {
        best.next_charge = std::min(best.next_charge, its.first);
        continue;
      }
      best.next_charge = least.first;
      best.entry = line.begin()->second;
      least = its;
    }
    return best;
  }

  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const auto& [tier, lines] : tiers_)
      for (const auto& [whose, line] : lines)
        for (const auto& [key, entry] : line)
          visit(key, entry);
  }

private:
  std::map<std::int32_t,
           std::map<fair_share::tenant*, std::map<line_key, Entry*>>>
      tiers_;
};

} // namespace skerry
