#include "scheduling/smallest_change.hpp"

#include "scheduling/explanation.hpp"
#include "scheduling/spread.hpp"

#include <fmt/format.h>

#include <bit>

namespace skerry {
namespace {

/// Looks at nodes with a copy of the shape that asks for less.
class change_search {
public:
  change_search(const cluster& nodes, const compiled_shape& shape)
      : nodes_{nodes}, shape_{shape}, tried_{shape} {}

  void look_at(node_index node) {
    const auto why = nodes_.why_not(shape_, node);
    const auto about = std::size_t{why.about};
    if (why.reason == refusal_reason::resource)
      try_less_of_kind(node, about);
    else if (why.reason == refusal_reason::device_count)
      try_fewer_devices(node, about);
  }

  std::optional<smallest_change> take() { return std::move(best_); }

private:
  void try_less_of_kind(node_index node, std::size_t about) {
    const resource_kind kind{static_cast<std::uint8_t>(about)};
    const auto asked = shape_.demand[kind];
    const auto free = nodes_.free(node, kind);
    if (!is_less(asked, free))
      return;
    const auto& name = nodes_.resource_names()[about];
    tried_.demand.set(kind, free);
    keep_if_it_fits(node, asked, free, name, [&](std::int64_t less) {
      return fmt::format("{} less {}", amount_text(nodes_, about, less), name);
    });
    tried_.demand.set(kind, asked);
  }

  void try_fewer_devices(node_index node, std::size_t about) {
    const auto asked = shape_.requests[about].count;
    const auto free = std::popcount(nodes_.available(shape_, about, node));
    if (!is_less(asked, free))
      return;
    const auto& kind = shape_.source.devices[about].kind;
    tried_.requests[about].count = static_cast<std::int32_t>(free);
    keep_if_it_fits(node, asked, free, kind, [&](std::int64_t less) {
      return fmt::format("{} {} less", less, kind);
    });
    tried_.requests[about].count = asked;
  }

  static double part(std::int64_t asked, std::int64_t free) {
    return static_cast<double>(asked - free) / static_cast<double>(asked);
  }

  bool is_less(std::int64_t asked, std::int64_t free) const {
    return free > 0 && part(asked, free) < least_part_;
  }

  template <class Text>
  void keep_if_it_fits(node_index node, std::int64_t asked, std::int64_t free,
                       const std::string& resource, const Text& text) {
    if (nodes_.why_not(tried_, node))
      return;
    least_part_ = part(asked, free);
    best_ = {
        resource, asked - free, node,
        fmt::format("{}, on node {}", text(asked - free), nodes_.name(node))};
  }

  const cluster& nodes_;
  const compiled_shape& shape_;
  compiled_shape tried_;
  std::optional<smallest_change> best_;
  double least_part_ = 1;
};

} // namespace

std::optional<smallest_change>
find_smallest_change(const cluster& nodes, const compiled_shape& shape) {
  std::optional<spread_filter> spread;
  if (shape.source.spread)
    spread.emplace(nodes, shape);
  change_search search{nodes, shape};
  for (std::size_t n = 0; n < nodes.size(); ++n)
    if (const auto node = static_cast<node_index>(n);
        !spread || spread->allows(node))
      search.look_at(node);
  return search.take();
}

} // namespace skerry
