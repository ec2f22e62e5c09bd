#include "scheduling/explanation.hpp"

#include "scheduling/spread.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace skerry {
namespace {

/// Reasons for one shape are few: kinds, requests and constraints.
void count(std::vector<refusal_count>& refusals, refusal why, std::size_t nodes,
           std::int64_t has) {
  auto found = std::ranges::find(refusals, why, &refusal_count::why);
  if (found == refusals.end())
    found = refusals.insert(found, {why, 0, has});
  found->nodes += nodes;
  found->most = std::max(found->most, has);
}

std::string request_text(const device_request& request) {
  auto out = request.kind;
  if (request.share_milli > 0)
    out = fmt::format("{} milli of one {}", request.share_milli, out);
  else
    out = fmt::format("{} {}", request.count, out);
  if (request.memory_bytes > 0)
    out += fmt::format(" with {} MiB", request.memory_bytes >> 20);
  return out;
}

/// What the refusal is about, in brackets; empty where the reason says it all.
std::string about_text(const cluster& nodes, const compiled_shape& shape,
                       const refusal_count& refused) {
  const auto about = std::size_t{refused.why.about};
  const auto& source = shape.source;
  switch (refused.why.reason) {
  case refusal_reason::resource:
    return fmt::format(" (asks {}, has {})",
                       amount_text(nodes, about, shape.demand[about]),
                       amount_text(nodes, about, refused.most));
  case refusal_reason::label:
    return fmt::format(" ({})", source.constraints[about].key);
  case refusal_reason::device_kind:
    return fmt::format(" ({})", source.devices[about].kind);
  case refusal_reason::device_model:
    return fmt::format(" ({}: {})", source.devices[about].kind,
                       fmt::join(source.devices[about].models, " or "));
  case refusal_reason::device_size:
  case refusal_reason::device_share:
  case refusal_reason::device_count:
    return fmt::format(" (asks {})", request_text(source.devices[about]));
  case refusal_reason::affinity:
    return fmt::format(" (group {})", source.affinity[about]);
  case refusal_reason::anti_affinity:
    return fmt::format(" (group {})", source.anti_affinity[about]);
  case refusal_reason::none:
  case refusal_reason::not_ready:
  case refusal_reason::task_limit:
  case refusal_reason::spread:
  case refusal_reason::resource_unknown:
    break;
  }
  return {};
}

std::string reason_text(const cluster& nodes, const refusal_count& refused) {
  if (refused.why.reason == refusal_reason::resource)
    return "not enough " + nodes.resource_names()[refused.why.about];
  return std::string{to_string(refused.why.reason)};
}

void complete(explanation& out, const cluster& nodes,
              const compiled_shape& shape, std::string_view when) {
  std::ranges::stable_sort(out.refusals, std::ranges::greater{},
                           &refusal_count::nodes);
  if (out.nodes == 0)
    out.text = "there are no nodes";
  else if (out.feasible == 0)
    out.text = fmt::format("fits no node {}", when);
  else
    out.text
        = fmt::format("fits {} of {} nodes {}", out.feasible, out.nodes, when);
  const auto* separator = ": ";
  for (const auto& refused : out.refusals) {
    out.text += fmt::format("{}{} {}: {}{}", separator, refused.nodes,
                            refused.nodes == 1 ? "node" : "nodes",
                            reason_text(nodes, refused),
                            about_text(nodes, shape, refused));
    separator = ", ";
  }
}

/// `amount` in units of `unit`, with as many decimals as it takes, at most 3.
std::string decimal(std::int64_t amount, std::int64_t unit) {
  auto thousandths = (amount % unit * 1000 + unit / 2) / unit;
  auto whole = amount / unit;
  if (thousandths == 1000) {
    thousandths = 0;
    ++whole;
  }
  if (thousandths == 0)
    return fmt::format("{}", whole);
  auto out = fmt::format("{}.{:03}", whole, thousandths);
  out.erase(out.find_last_not_of('0') + 1);
  return out;
}

} // namespace

explanation explain(const cluster& nodes, const compiled_shape& shape) {
  explanation out;
  std::optional<spread_filter> spread;
  if (shape.source.spread)
    spread.emplace(nodes, shape);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto node = static_cast<node_index>(n);
    if (nodes.condition(node) == node_condition::gone)
      continue;
    ++out.nodes;
    auto why = nodes.why_not(shape, node);
    if (!why && spread && !spread->allows(node))
      why = {refusal_reason::spread};
    if (!why)
      ++out.feasible;
    else
      count(out.refusals, why, 1,
            why.reason == refusal_reason::resource
                ? nodes.free(node, static_cast<resource_kind>(why.about))
                : 0);
  }
  complete(out, nodes, shape, "now");
  return out;
}

explanation explain_when_empty(const cluster& nodes,
                               const compiled_shape& shape) {
  explanation out;
  const auto classes = nodes.classes();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (classes[c].nodes == 0)
      continue;
    out.nodes += classes[c].nodes;
    const auto& never = shape.fits[c].never;
    if (!never)
      out.feasible += classes[c].nodes;
    else
      count(out.refusals, never, classes[c].nodes,
            never.reason == refusal_reason::resource
                ? classes[c].capacity[never.about]
                : 0);
  }
  complete(out, nodes, shape, "even when empty");
  return out;
}

std::string amount_text(const cluster& nodes, std::size_t kind,
                        std::int64_t amount) {
  switch (static_cast<resource_kind>(kind)) {
  case resource_kind::cpu:
    return decimal(amount, 1000) + " cores";
  case resource_kind::memory:
  case resource_kind::disk:
    if (amount >= std::int64_t{1} << 30)
      return decimal(amount, std::int64_t{1} << 30) + " GiB";
    if (amount >= std::int64_t{1} << 20)
      return decimal(amount, std::int64_t{1} << 20) + " MiB";
    return fmt::format("{} bytes", amount);
  case resource_kind::network:
    return decimal(amount, 1'000'000) + " Mbit/s";
  default:
    return decimal(amount, 1000) + " " + nodes.resource_names()[kind];
  }
}

} // namespace skerry
