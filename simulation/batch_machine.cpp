#include "simulation/batch_machine.hpp"

#include <fmt/format.h>

namespace skerry {
namespace {

constexpr std::int64_t milli = 1000;

/// By a name of their own and not as cores: the machine of a log can be larger
/// than any node may be.
std::vector<named_amount> processors_of(std::int64_t count) {
  return {{"processors", count * milli}};
}

/// The ledger refuses nothing that the caller's duties allow, so what it
/// refuses here is our own mistake.
template <class T>
T expect(result<T> answer) {
  return std::move(answer.value());
}

} // namespace

batch_machine::batch_machine(std::int64_t processors, std::size_t jobs)
    : ledger_{1}, tasks_(jobs) {
  node_
      = expect(ledger_.register_node(
                   {.name = "machine", .named = processors_of(processors)}, 1))
            .node;
}

std::int64_t batch_machine::free_processors() const {
  return ledger_.nodes().free(node_, resource_kind::first_named) / milli;
}

profile_id batch_machine::profile_of(std::int64_t processors) {
  if (const auto known = profiles_.find(processors); known != profiles_.end())
    return known->second;
  const auto id
      = expect(ledger_.intern({.shape = {.named = processors_of(processors)}}));
  profiles_.emplace(processors, id);
  return id;
}

void batch_machine::submit(std::size_t job, std::int64_t processors) {
  tasks_[job] = expect(
      ledger_.submit(fmt::format("job-{}", job), profile_of(processors)));
}

void batch_machine::start(std::size_t job) {
  expect(ledger_.place(tasks_[job], node_, device_mask{0}));
  expect(ledger_.start(tasks_[job]));
}

void batch_machine::finish(std::size_t job) {
  expect(ledger_.finish(tasks_[job]));
}

} // namespace skerry
