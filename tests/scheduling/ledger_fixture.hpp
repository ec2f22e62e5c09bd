#pragma once

#include "scheduling/ledger.hpp"

#include <doctest/doctest.h>

namespace skerry::testing {

using namespace skerry::literals;

inline node_spec small_node(std::string name) {
  return {.name = std::move(name), .capacity = {4_cores, 8_GiB}};
}

inline node_spec gpu_node(std::string name) {
  return {.name = std::move(name),
          .capacity = {8_cores, 64_GiB},
          .devices = {{.model = "A100"}, {.model = "A100"}}};
}

inline task_profile one_core(std::uint32_t max_attempts = 1) {
  return {.shape = {.demand = {1_cores, 1_GiB}}, .max_attempts = max_attempts};
}

inline task_profile half_gpu() {
  return {.shape
          = {.demand = {1_cores, 1_GiB}, .devices = {{.share_milli = 500}}}};
}

inline task_profile elastic() {
  return {.shape = {.demand = {2_cores, 2_GiB}},
          .minimum = resources{1_cores, 1_GiB},
          .maximum = resources{4_cores, 8_GiB}};
}

/// A ledger with nodes "a" (index 0) and "b" (1), checked after every test.
struct ledger_fixture {
  static constexpr auto a = node_index{0};
  static constexpr auto b = node_index{1};

  ledger book{7};
  std::vector<event> events;

  explicit ledger_fixture(node_spec (*node)(std::string) = small_node) {
    REQUIRE(book.register_node(node("a"), 1));
    REQUIRE(book.register_node(node("b"), 1));
  }
  ledger_fixture(const ledger_fixture&) = delete;
  ledger_fixture& operator=(const ledger_fixture&) = delete;
  ~ledger_fixture() { CHECK(book.check_invariants()); }

  task_ref submit(std::string id, const task_profile& profile = one_core()) {
    const auto known = *book.intern(profile);
    const auto task = *book.submit(id, known);
    book.release(known);
    return task;
  }
  task_ref placed(std::string id, node_index node = a, device_mask devices = 0,
                  const task_profile& profile = one_core()) {
    const auto task = submit(std::move(id), profile);
    REQUIRE(book.place(task, node, devices));
    return task;
  }
  std::vector<task_ref> gang(std::vector<std::string> ids,
                             const task_profile& profile = one_core()) {
    submit_tasks jobs{.gang = true};
    for (auto& id : ids)
      jobs.tasks.push_back({id, profile});
    REQUIRE(book.apply(jobs, events));
    std::vector<task_ref> out;
    out.reserve(ids.size());
    for (auto& id : ids)
      out.push_back(*book.find(id));
    return out;
  }
  task_state state(task_ref task) const {
    const auto seen = book.task(task);
    return seen ? seen->state : task_state::gone;
  }
  std::int64_t free_cpu(node_index node) const {
    return book.nodes().free(node, resource_kind::cpu);
  }
  plan planned(std::vector<plan_item> items) const {
    return {.epoch = 7,
            .version = book.nodes().version(),
            .items = std::move(items)};
  }
  /// The code of the refusal of an item; nothing if it was accepted.
  std::optional<error_code> refusal_of(std::uint32_t item) const {
    for (const auto& each : events)
      if (const auto* refused = std::get_if<plan_item_refused>(&each))
        if (refused->item == item)
          return refused->why.code;
    return std::nullopt;
  }
};

template <class T>
std::optional<error_code> code(const result<T>& from) {
  if (from)
    return std::nullopt;
  return from.failure().code;
}

} // namespace skerry::testing
