#include "scheduling/spread.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace skerry {

spread_filter::spread_filter(const cluster& on, const compiled_shape& shape,
                             std::optional<node_index> leaving)
    : domain_of_(on.size(), no_domain), max_skew_{
                                            shape.source.spread->max_skew} {
  const auto& topology = shape.source.spread->topology;
  std::unordered_map<std::string_view, std::uint32_t> domains;
  for (std::size_t n = 0; n < on.size(); ++n) {
    const auto node = static_cast<node_index>(n);
    if (on.condition(node) == node_condition::gone
        || shape.fits[index_of(on.class_id(node))].never)
      continue;
    auto domain = static_cast<std::uint32_t>(counts_.size());
    if (!topology.empty()) {
      const auto* value = on.class_of(node).label_value(topology);
      if (!value)
        continue;
      domain = domains.try_emplace(*value, domain).first->second;
    }
    if (domain == counts_.size())
      counts_.push_back(0);
    domain_of_[n] = domain;
    counts_[domain] += on.group_count(node, shape.spread_group);
  }
  if (leaving && domain_of_[index_of(*leaving)] != no_domain
      && std::ranges::count(shape.groups, shape.spread_group) > 0)
    --counts_[domain_of_[index_of(*leaving)]];
  if (!counts_.empty())
    least_ = *std::ranges::min_element(counts_);
}

bool spread_filter::allows(node_index node) const {
  const auto domain = domain_of_[index_of(node)];
  if (domain == no_domain)
    return false;
  return counts_[domain] + 1 - least_ <= max_skew_;
}

} // namespace skerry
