// Sizes of running tasks that follow what they use.
#include "actors/allocator.hpp"
#include "messages/convert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace skerry {

namespace {

constexpr std::array sized_kinds{resource_kind::cpu, resource_kind::memory};

/// What of a size has to wait for others to leave.
std::string missing_text(const resources& wanted, const resources& gets) {
  const auto cpu = wanted[resource_kind::cpu] - gets[resource_kind::cpu];
  const auto memory
      = wanted[resource_kind::memory] - gets[resource_kind::memory];
  std::string text;
  if (cpu > 0)
    text = fmt::format("{:.2f} cores", static_cast<double>(cpu) / 1000);
  if (memory > 0)
    text += fmt::format("{}{} MiB", text.empty() ? "" : " and ",
                        (memory + (1 << 20) - 1) >> 20);
  return fmt::format("its node lacks {} for it", text);
}

} // namespace

std::size_t resizes_limit(const v1::ListResizesRequest& request) {
  constexpr std::uint32_t most = 1000;
  return std::min(request.limit() == 0 ? 100 : request.limit(), most);
}

void allocator::used(allocation& a, const v1::Usage& usage, instant now) {
  a.usage = usage;
  if (a.sized == nullptr && a.now == phase::running && a.holds)
    a.sized = resizer_.watch(a.record.task(), a.record.profile(), now);
  if (a.sized != nullptr)
    cell_resizer::see(*a.sized, usage);
}

void allocator::resize_by_use(instant now, outbox& out) {
  for (auto* task : resizer_.due(now)) {
    auto& a = allocations_.at(task->task());
    if (a.now != phase::running || resizes_.contains(task->task()))
      continue; // It ends, or somebody else changes it.
    if (auto wanted = resizer_.look(*task, from_proto(demand_of(a))))
      resize_to(a, *wanted, now, out);
  }
}

/// As much of it as its node has.
void allocator::resize_to(allocation& a, const resources& wanted, instant now,
                          outbox& out) {
  const auto& node = nodes_.at(a.record.node());
  const auto before = from_proto(demand_of(a));
  auto gets = wanted;
  for (const auto kind : sized_kinds) {
    const auto free
        = std::max<std::int64_t>(ledger_->nodes().free(node.index, kind), 0);
    gets.set(kind, std::min(wanted[kind], before[kind] + free));
  }
  auto why = gets == wanted ? std::string{} : missing_text(wanted, gets);
  if (gets == before)
    return cell_resizer::waits(*a.sized, std::move(why));
  if (auto begun = begin_resize(a, gets, out); !begun)
    return cell_resizer::waits(*a.sized, begun.failure().message);
  resizer_.ordered(*a.sized, before, gets, std::move(why));
  resizes_[a.record.task()] = {.who = {},
                               .ours = true,
                               .before = before,
                               .wanted = gets,
                               .until = now.steady_milliseconds};
}

/// @param refusal Nothing when the order has not reached the agent.
void allocator::settled_by_use(allocation& a, bool is_done,
                               const error* refusal) {
  if (a.sized == nullptr)
    return;
  if (is_done)
    resizer_.done(*a.sized, unix_milliseconds_);
  else if (refusal != nullptr)
    resizer_.refused(*a.sized, *refusal);
}

v1::TaskSize allocator::size_of(const allocation& a) const {
  v1::TaskSize out;
  const auto& profile = a.record.profile();
  out.set_task(a.record.task());
  out.set_cell(options_.server);
  out.set_node(a.record.node());
  out.set_mode(v1::RESIZE_OFF);
  *out.mutable_has() = demand_of(a);
  if (profile.has_minimum())
    *out.mutable_minimum() = profile.minimum();
  if (profile.has_maximum())
    *out.mutable_maximum() = profile.maximum();
  if (a.usage.interval_milliseconds() > 0)
    *out.mutable_usage() = a.usage;
  if (a.sized != nullptr)
    resizer_.describe(*a.sized, out);
  return out;
}

v1::ListResizesReply
allocator::sizes(const v1::ListResizesRequest& request) const {
  v1::ListResizesReply reply;
  if (!request.task().empty()) {
    const auto found = allocations_.find(request.task());
    if (found != allocations_.end() && found->second.now == phase::running)
      *reply.add_tasks() = size_of(found->second);
    return reply;
  }
  const auto limit = resizes_limit(request);
  const auto tasks = resizer_.list(request.after(), limit + 1);
  reply.set_more(tasks.size() > limit);
  for (std::size_t i = 0; i < tasks.size() && i < limit; ++i)
    *reply.add_tasks() = size_of(allocations_.at(tasks[i]->task()));
  return reply;
}

} // namespace skerry
