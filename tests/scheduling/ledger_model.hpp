#pragma once

#include "scheduling/ledger.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <utility>

namespace skerry::testing {

/// What a listener to the ledger's events believes. It knows none of the
/// ledger's rules but the order of states, so that a ledger that does one
/// thing and says another is found out.
class ledger_model {
public:
  struct believed_task {
    task_state state = task_state::pending;
    std::uint32_t attempt = 1;
    node_index node = no_node;
    device_mask devices = 0;
    bool back = false; ///< Failed, lost or evicted; its end or return is due.
  };

  using key = std::pair<std::uint32_t, std::uint32_t>; ///< Slot, generation.

  /// @returns What is wrong with the event, or nothing.
  std::string hear(const event& what) {
    wrong_.clear();
    std::visit([this](const auto& each) { on(each); }, what);
    return wrong_;
  }

  /// @returns The first difference between belief and ledger, or nothing.
  std::string compare(const ledger& book) const {
    if (book.size() != tasks_.size())
      return fmt::format("{} tasks live, {} believed", book.size(),
                         tasks_.size());
    for (const auto& [ref, task] : tasks_) {
      const auto seen = book.task({ref.first, ref.second});
      if (!seen)
        return fmt::format("task in slot {} is gone", ref.first);
      if (seen->state != task.state || seen->attempt != task.attempt
          || seen->node != task.node || seen->devices != task.devices)
        return fmt::format("task {} is not as believed", seen->id);
    }
    return {};
  }

private:
  void require(bool holds, std::string_view what) {
    if (!holds && wrong_.empty())
      wrong_ = what;
  }

  believed_task& at(task_ref ref) {
    const auto found = tasks_.find({ref.slot, ref.generation});
    require(found != tasks_.end(), "event of an unknown task");
    static believed_task nobody;
    return found == tasks_.end() ? nobody : found->second;
  }

  void leave(task_ref ref) { tasks_.erase({ref.slot, ref.generation}); }

  void off_node(task_ref ref, std::uint32_t attempt) {
    auto& task = at(ref);
    require(task.state != task_state::pending, "leaves a node, was on none");
    require(task.attempt == attempt, "leaves a node in another attempt");
    task.back = true;
  }

  void on(const node_registered&) {}
  void on(const node_updated&) {}
  void on(const node_condition_set&) {}
  void on(const plan_item_refused&) {}
  void on(const node_lost& what) {
    for (const auto& [ref, task] : tasks_)
      require(task.node != what.node, "a lost node keeps a task");
  }
  void on(const task_submitted& what) {
    const auto fresh = tasks_
                           .emplace(key{what.task.slot, what.task.generation},
                                    believed_task{})
                           .second;
    require(fresh, "a handle is given out twice");
  }
  void on(const task_placed& what) {
    auto& task = at(what.task);
    require(task.state == task_state::pending, "placed, was not pending");
    require(task.attempt == what.attempt, "placed in another attempt");
    task = {task_state::placed, what.attempt, what.node, what.devices, false};
  }
  void on(const task_started& what) {
    auto& task = at(what.task);
    require(task.state == task_state::placed, "started, was not placed");
    require(task.attempt == what.attempt, "started in another attempt");
    const auto once
        = started_.emplace(what.task.slot, what.task.generation, what.attempt)
              .second;
    require(once, "an attempt started twice");
    task.state = task_state::running;
  }
  void on(const task_resized& what) {
    require(at(what.task).node != no_node, "resized on no node");
  }
  void on(const task_moved& what) {
    auto& task = at(what.task);
    require(task.node == what.from, "moved from elsewhere");
    require(what.attempt == task.attempt + 1, "moved without a new attempt");
    task = {task_state::placed, what.attempt, what.to, what.devices, false};
  }
  void on(const task_finished& what) {
    off_node(what.task, what.attempt);
    leave(what.task);
  }
  void on(const task_failed& what) { off_node(what.task, what.attempt); }
  void on(const task_lost& what) {
    require(at(what.task).node == what.node, "lost with another node");
    off_node(what.task, what.attempt);
  }
  void on(const task_evicted& what) {
    require(at(what.task).node == what.node, "evicted from another node");
    off_node(what.task, what.attempt);
  }
  void on(const task_requeued& what) {
    auto& task = at(what.task);
    require(task.back, "requeued without a reason");
    require(what.attempt == task.attempt + 1, "requeued as an old attempt");
    task = {task_state::pending, what.attempt, no_node, 0, false};
  }
  void on(const task_given_up& what) {
    require(at(what.task).back, "given up without a reason");
    leave(what.task);
  }
  void on(const task_cancelled& what) {
    at(what.task);
    leave(what.task);
  }

  std::map<key, believed_task> tasks_;
  /// Slot, generation, attempt.
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> started_;
  std::string wrong_;
};

/// All that can be seen of a ledger, to tell whether anything has changed.
inline std::string fingerprint(const ledger& book) {
  const auto& nodes = book.nodes();
  auto out = fmt::format("version {} layout {} live {}\n", nodes.version(),
                         nodes.layout_version(), nodes.live_nodes());
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto node = static_cast<node_index>(n);
    out += fmt::format("node {} {} {}", n, nodes.name(node),
                       static_cast<int>(nodes.condition(node)));
    if (nodes.condition(node) == node_condition::gone) {
      out += '\n';
      continue;
    }
    out += fmt::format(" {} {} {:x}:", book.session(node), nodes.version(node),
                       nodes.idle_devices(node));
    const auto free = nodes.free(node);
    for (std::size_t kind = 0; kind < max_resource_kinds; ++kind)
      out += fmt::format(" {}", free[kind]);
    for (const auto& device : nodes.devices(node))
      out += fmt::format(" {}/{}/{}", device.free_milli,
                         device.free_memory_bytes, device.held_by_whole);
    book.for_each_task_on(
        node, [&out](task_ref task) { out += fmt::format(" t{}", task.slot); });
    out += '\n';
  }
  book.for_each_task([&](task_ref ref) {
    const auto task = *book.task(ref);
    out += fmt::format("task {} {} state {} attempt {} failures {} shape {} "
                       "node {} devices {:x} gang {}\n",
                       ref.slot, task.id, static_cast<int>(task.state),
                       task.attempt, task.failures, index_of(task.shape),
                       index_of(task.node), task.devices, index_of(task.gang));
  });
  return out;
}

} // namespace skerry::testing
