#include "simulation/queueing_meter.hpp"

#include "scheduling/assert.hpp"

#include <algorithm>
#include <optional>

namespace skerry {
namespace {

constexpr std::int64_t whole_device_milli = 1000;
/// Shorter runs count as if they took so long, as in the queue track: else the
/// slowdown of the shortest would drown all others.
constexpr std::int64_t slowdown_bound_milliseconds = 10'000;

std::int64_t mebibytes(const resources& amounts) {
  const auto memory = amounts[resource_kind::memory];
  return (memory >> 20) + ((memory & ((1 << 20) - 1)) != 0 ? 1 : 0);
}

std::optional<metered> metered_device(std::string_view kind) {
  if (kind == "gpu")
    return metered::gpu;
  if (kind == "fpga")
    return metered::fpga;
  return std::nullopt;
}

void add_to(metered_amounts& sum, const metered_amounts& amounts, int sign) {
  for (std::size_t kind = 0; kind < metered_kinds; ++kind)
    sum[kind] += sign * amounts[kind];
}

double seconds(std::int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000;
}

} // namespace

metered_amounts metered_of(const task_shape& shape) {
  metered_amounts out{shape.demand[resource_kind::cpu],
                      mebibytes(shape.demand)};
  for (const auto& request : shape.devices)
    if (const auto kind = metered_device(request.kind))
      out[index_of(*kind)] += request.share_milli > 0
                                  ? request.share_milli
                                  : request.count * whole_device_milli;
  return out;
}

metered_amounts metered_of(const node_spec& node) {
  metered_amounts out{node.capacity[resource_kind::cpu],
                      mebibytes(node.capacity)};
  for (const auto& device : node.devices)
    if (const auto kind = metered_device(device.kind))
      out[index_of(*kind)] += device.capacity_milli;
  return out;
}

metered_amounts metered_in_use(const cluster& of, node_index node) {
  const auto& whole = of.class_of(node);
  const auto used = [&](resource_kind kind) {
    return whole.capacity[kind] - of.free(node, kind);
  };
  metered_amounts out{used(resource_kind::cpu),
                      used(resource_kind::memory) >> 20};
  const auto states = of.devices(node);
  for (std::size_t d = 0; d < states.size(); ++d)
    if (const auto kind = metered_device(whole.devices[d].kind))
      out[index_of(*kind)]
          += whole.devices[d].capacity_milli - states[d].free_milli;
  return out;
}

queueing_meter::queueing_meter(std::size_t classes,
                               std::int64_t from_milliseconds,
                               std::int64_t until_milliseconds)
    : from_{from_milliseconds}, until_{until_milliseconds}, classes_(classes) {
  SKERRY_ASSERT(from_ < until_);
}

void queueing_meter::refused(std::size_t task_class) {
  ++classes_[task_class].submitted;
  ++classes_[task_class].refused;
}

void queueing_meter::arrived(std::size_t task_class,
                             const metered_amounts& amounts, std::int64_t now) {
  auto& meter = classes_[task_class];
  advance(meter, now);
  add_to(meter.pending, amounts, 1);
  ++meter.submitted;
}

void queueing_meter::started(std::size_t task_class,
                             const metered_amounts& amounts,
                             std::int64_t arrival, std::int64_t run,
                             std::int64_t now) {
  auto& meter = classes_[task_class];
  advance(meter, now);
  add_to(meter.pending, amounts, -1);
  add_to(meter.allocated, amounts, 1);
  ++meter.started;
  if (arrival >= from_)
    wait_of(meter, meter.waits, now - arrival, run);
}

void queueing_meter::finished(std::size_t task_class,
                              const metered_amounts& amounts,
                              std::int64_t now) {
  auto& meter = classes_[task_class];
  advance(meter, now);
  add_to(meter.allocated, amounts, -1);
  ++meter.finished;
}

void queueing_meter::still_pending(std::size_t task_class, std::int64_t arrival,
                                   std::int64_t run) {
  auto& meter = classes_[task_class];
  ++meter.pending_at_end;
  if (arrival >= from_)
    wait_of(meter, meter.waits_so_far, until_ - arrival, run);
}

void queueing_meter::wait_of(class_meter& meter, std::vector<double>& waits,
                             std::int64_t wait, std::int64_t run) {
  waits.push_back(seconds(wait));
  const auto bound = std::max(run, slowdown_bound_milliseconds);
  meter.slowdowns.push_back(
      std::max(1.0, seconds(wait + run) / seconds(bound)));
}

void queueing_meter::advance(class_meter& meter, std::int64_t to) const {
  SKERRY_ASSERT(to >= meter.seen);
  const auto begin = std::max(meter.seen, from_);
  const auto end = std::min(to, until_);
  meter.seen = to;
  if (end <= begin)
    return;
  for (std::size_t kind = 0; kind < metered_kinds; ++kind) {
    meter.allocated_integral[kind]
        += wide_integer{meter.allocated[kind]} * (end - begin);
    meter.pending_integral[kind]
        += wide_integer{meter.pending[kind]} * (end - begin);
  }
}

queueing_statistics queueing_meter::of_class(std::size_t task_class) const {
  class_meter meter;
  add(classes_[task_class], meter);
  return summarise(std::move(meter));
}

queueing_statistics queueing_meter::of_all() const {
  class_meter sum;
  for (const auto& meter : classes_)
    add(meter, sum);
  return summarise(std::move(sum));
}

void queueing_meter::add(const class_meter& from, class_meter& to) const {
  auto meter = from;
  advance(meter, std::max(meter.seen, until_));
  to.submitted += meter.submitted;
  to.refused += meter.refused;
  to.started += meter.started;
  to.finished += meter.finished;
  to.pending_at_end += meter.pending_at_end;
  for (std::size_t kind = 0; kind < metered_kinds; ++kind) {
    to.allocated_integral[kind] += meter.allocated_integral[kind];
    to.pending_integral[kind] += meter.pending_integral[kind];
  }
  const auto append = [](auto& all, const auto& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  append(to.waits, meter.waits);
  append(to.waits_so_far, meter.waits_so_far);
  append(to.slowdowns, meter.slowdowns);
}

queueing_statistics queueing_meter::summarise(class_meter meter) const {
  queueing_statistics out{.submitted = meter.submitted,
                          .refused = meter.refused,
                          .started = meter.started,
                          .finished = meter.finished,
                          .pending_at_end = meter.pending_at_end};
  const auto measured = static_cast<double>(until_ - from_);
  for (std::size_t kind = 0; kind < metered_kinds; ++kind) {
    out.mean_allocated[kind]
        = static_cast<double>(meter.allocated_integral[kind]) / measured;
    out.mean_pending[kind]
        = static_cast<double>(meter.pending_integral[kind]) / measured;
  }
  out.wait_seconds_started = distribution_of(meter.waits);
  auto waits = std::move(meter.waits);
  waits.insert(waits.end(), meter.waits_so_far.begin(),
               meter.waits_so_far.end());
  out.wait_seconds = distribution_of(std::move(waits));
  out.bounded_slowdown = distribution_of(std::move(meter.slowdowns));
  return out;
}

} // namespace skerry
