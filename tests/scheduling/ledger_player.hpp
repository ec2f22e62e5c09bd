#pragma once

#include "tests/scheduling/ledger_model.hpp"

#include <rapidcheck.h>

#include <array>
#include <ostream>

namespace skerry::testing {

using namespace skerry::literals;

/// What a step does.
enum class act : std::uint8_t {
  register_node,
  update_node,
  set_condition,
  lose_node,
  submit,
  submit_gang,
  plan_well,
  plan_badly,
  start,
  finish,
  fail,
  resize,
  move,
  evict,
  cancel,
};

inline constexpr std::array act_names
    = {"register_node", "update_node", "set_condition", "lose_node", "submit",
       "submit_gang",   "plan_well",   "plan_badly",    "start",     "finish",
       "fail",          "resize",      "move",          "evict",     "cancel"};

/// Better acts are listed more often: a cluster that loses its nodes all the
/// time has few tasks to go wrong with.
inline constexpr std::array acts
    = {act::register_node, act::register_node, act::update_node,
       act::set_condition, act::lose_node,     act::submit,
       act::submit,        act::submit,        act::submit_gang,
       act::submit_gang,   act::plan_well,     act::plan_well,
       act::plan_well,     act::plan_badly,    act::plan_badly,
       act::start,         act::start,         act::finish,
       act::fail,          act::resize,        act::resize,
       act::move,          act::move,          act::evict,
       act::cancel};

/// A step of a sequence: five small numbers that a player turns into a command
/// by looking at the ledger, so that rapidcheck can shrink a failing sequence
/// and most commands still mean something.
struct step {
  act what = act::submit;
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
};

inline std::ostream& operator<<(std::ostream& out, const step& each) {
  return out << act_names[static_cast<std::size_t>(each.what)] << '(' << each.a
             << ' ' << each.b << ' ' << each.c << ' ' << each.d << ')';
}

inline rc::Gen<step> any_step() {
  const auto number = rc::gen::inRange<std::uint32_t>(0, 24);
  return rc::gen::build<step>(
      rc::gen::set(&step::what, rc::gen::elementOf(acts)),
      rc::gen::set(&step::a, number), rc::gen::set(&step::b, number),
      rc::gen::set(&step::c, number), rc::gen::set(&step::d, number));
}

inline node_spec node_of(std::uint32_t name, std::uint32_t kind) {
  node_spec out{.name = "n" + std::to_string(name % 4),
                .capacity = {4_cores, 8_GiB}};
  if (kind % 4 == 1)
    out.capacity = {8_cores, 4_GiB};
  if (kind % 4 >= 2)
    out.devices = {{.model = "A100", .memory_bytes = 100},
                   {.model = "A100", .memory_bytes = 100}};
  if (kind % 4 == 3) {
    out.devices.push_back({.kind = "fpga", .model = "", .capacity_milli = 500});
    out.labels = {{"zone", "x"}};
    out.named = {{"licences", 3000}};
    out.max_tasks = 3;
  }
  return out;
}

inline task_profile profile_of(std::uint32_t kind) {
  task_profile out{.shape = {.demand = {1_cores, 1_GiB}},
                   .max_attempts = 1 + kind % 3};
  switch (kind % 9) {
  case 0:
    break;
  case 1: // Elastic.
  case 2:
    out.minimum = resources{500_mcores, 1_GiB};
    out.maximum = resources{8_cores, 8_GiB};
    break;
  case 3:
    out.shape.devices = {{.share_milli = 400, .memory_bytes = 40}};
    break;
  case 4:
    out.shape.devices = {{.count = 2}};
    break;
  case 5:
    out.shape.devices = {{.count = 1}, {.kind = "fpga", .share_milli = 250}};
    out.shape.named = {{"licences", 1000}};
    break;
  case 6:
    out.shape.groups = {"web"};
    out.shape.anti_affinity = {"web"};
    break;
  case 7:
    out.shape.groups = {"web"};
    break;
  default: // Fits nowhere, or is not even valid.
    out.shape.demand = {100_cores, 1_GiB};
    out.max_attempts = kind % 2;
  }
  return out;
}

/// Devices that the shape may take, or none when it does not fit.
inline std::optional<device_mask> devices_for(const cluster& nodes,
                                              shape_id shape, node_index node) {
  const auto& asked = nodes.shape(shape);
  if (nodes.why_not(asked, node))
    return std::nullopt;
  device_mask out = 0;
  for (std::size_t i = 0; i < asked.requests.size(); ++i) {
    auto usable = nodes.available(asked, i, node);
    for (auto left = asked.requests[i].count; left > 0; --left) {
      out |= usable & (~usable + 1);
      usable &= usable - 1;
    }
  }
  return out;
}

/// Plays steps and checks what must hold after each.
class player {
public:
  player() {
    for (const std::uint32_t name : {0, 1, 2})
      RC_ASSERT(book_.register_node(node_of(name, name + 1), 1).has_value());
  }

  void play(const step& next) {
    events_.clear();
    const auto before = fingerprint(book_);
    auto twin = book_;
    const auto earlier = book_.nodes();
    const auto what = command_for(next);
    const auto ok = book_.apply(what, events_);
    if (!ok) {
      RC_ASSERT(events_.empty());
      RC_ASSERT(fingerprint(book_) == before);
      RC_ASSERT(!ok.failure().message.empty());
    }
    if (const auto* sent = std::get_if<register_node>(&what); sent && ok)
      RC_ASSERT(sent->session >= std::exchange(next_sessions_[sent->node.name],
                                               sent->session + 1));
    if (const auto* sent = std::get_if<commit_plan>(&what))
      check_plan(sent->proposal, earlier);
    // The same command does the same to an equal ledger.
    std::vector<event> again;
    RC_ASSERT(twin.apply(what, again).has_value() == ok.has_value());
    RC_ASSERT(again.size() == events_.size());
    RC_ASSERT(fingerprint(twin) == fingerprint(book_));
    for (const auto& each : events_) {
      RC_ASSERT(model_.hear(each) == "");
      if (const auto* added = std::get_if<task_submitted>(&each))
        known_.push_back(added->task);
      // A plan on the present fits as a whole.
      if (next.what == act::plan_well)
        RC_ASSERT(!std::holds_alternative<plan_item_refused>(each));
    }
    RC_ASSERT(model_.compare(book_) == "");
    if (const auto sound = book_.check_invariants(); !sound)
      RC_FAIL(sound.failure().message);
    if (next.d % 4 == 0)
      snapshot_ = book_.nodes().version();
  }

private:
  /// Nothing went to a node that had changed since, and no gang is left behind
  /// by those of its tasks that were placed.
  void check_plan(const plan& proposal, const cluster& earlier) const {
    std::set<gang_id> placed;
    std::set<std::uint32_t> evicted;
    for (const auto& each : events_) {
      if (const auto* move = std::get_if<task_moved>(&each))
        RC_ASSERT(earlier.version(move->to) <= proposal.version);
      if (const auto* evict = std::get_if<task_evicted>(&each))
        evicted.insert(evict->task.slot);
      if (const auto* place = std::get_if<task_placed>(&each)) {
        RC_ASSERT(earlier.version(place->node) <= proposal.version);
        placed.insert(book_.task(place->task)->gang);
      }
    }
    placed.erase(no_gang);
    book_.for_each_task([&](task_ref ref) {
      const auto seen = *book_.task(ref);
      if (seen.state == task_state::pending && placed.contains(seen.gang))
        RC_ASSERT(evicted.contains(ref.slot));
    });
  }

  /// Mostly a live task.
  task_ref task(std::uint32_t choice) const {
    std::vector<task_ref> live;
    book_.for_each_task([&live](task_ref each) { live.push_back(each); });
    if (choice < 21 && !live.empty())
      return live[choice % live.size()];
    return known_.empty() ? task_ref{} : known_[choice % known_.size()];
  }
  std::uint32_t attempt(task_ref of, std::uint32_t choice) const {
    const auto seen = book_.task(of);
    return (seen ? seen->attempt : 1) + (choice % 6 == 0 ? 1 : 0)
           - (choice % 7 == 0 ? 1 : 0);
  }
  std::string id(std::uint32_t choice) const {
    return "t" + std::to_string(choice % 12);
  }
  std::string live_id(std::uint32_t choice) const {
    const auto seen = book_.task(task(choice));
    return seen ? std::string{seen->id} : id(choice);
  }
  node_index node(std::uint32_t choice) const { return node_index{choice % 6}; }
  /// Mostly the session of the node that the task is on.
  report_stamp stamp(const step& from) const {
    const auto ref = book_.find(live_id(from.a));
    report_stamp out{attempt(ref.value_or(task_ref{}), from.b)};
    const auto seen = ref ? book_.task(*ref) : std::nullopt;
    if (from.c % 3 == 0 || !seen || seen->node == no_node)
      return out;
    out.session = book_.session(seen->node) + (from.c % 5 == 0 ? 1 : 0)
                  - (from.c % 4 == 0 ? 1 : 0);
    return out;
  }
  device_mask devices(const step& from, shape_id shape, node_index on) const {
    if (index_of(on) >= book_.nodes().size() || from.d % 3 == 0)
      return from.c % 8;
    return devices_for(book_.nodes(), shape, on).value_or(from.c % 8);
  }

  command command_for(const step& next) {
    const auto& [what, a, b, c, d] = next;
    switch (what) {
    case act::register_node: {
      auto& last = sessions_[a % 4];
      last += c % 5 == 0 ? 0 : 1;
      return register_node{node_of(a, b), last - (c % 7 == 0 ? 1 : 0)};
    }
    case act::update_node:
      return update_node{node_of(a, b)};
    case act::set_condition:
      return set_node_condition{"n" + std::to_string(a % 5),
                                static_cast<node_condition>(b % 4)};
    case act::lose_node: {
      lose_node out{"n" + std::to_string(a % 5)};
      if (b % 2 == 0)
        out.session = sessions_[a % 4] - (c % 3 == 0 ? 1 : 0);
      return out;
    }
    case act::submit:
    case act::submit_gang: {
      submit_tasks out{.gang = what == act::submit_gang};
      const auto count = what == act::submit ? c % 3 : 1 + c % 3;
      for (std::uint32_t i = 0; i < count; ++i)
        out.tasks.push_back({id(a + i * (d % 4)), profile_of(b + i * (d % 2))});
      return out;
    }
    case act::plan_well:
      return commit_plan{good_plan(a)};
    case act::plan_badly:
      return commit_plan{bad_plan(next)};
    case act::start:
      return start_task{live_id(a), stamp(next)};
    case act::finish:
      return finish_task{live_id(a), stamp(next)};
    case act::fail:
      return fail_task{live_id(a), stamp(next)};
    case act::resize:
      return resize_task{live_id(a), demand(next)};
    case act::move: {
      const auto seen = book_.task(task(a));
      const auto to = node(b);
      return move_task{
          live_id(a), "n" + std::to_string(b % 5),
          devices(
              next, seen ? seen->shape : shape_id{},
              seen
                  ? book_.nodes().find("n" + std::to_string(b % 5)).value_or(to)
                  : node_index{99})};
    }
    case act::evict:
      return evict_task{live_id(a)};
    case act::cancel:
      return cancel_task{live_id(a)};
    }
    return cancel_task{};
  }

  static resources demand(const step& from) {
    return {millicores{250 * static_cast<std::int64_t>(from.b)},
            bytes{(1 + static_cast<std::int64_t>(from.c % 9)) << 30}};
  }

  /// Places what fits of the pending tasks, whole gangs only, on a copy first.
  plan good_plan(std::uint32_t first_node) const {
    plan out{.epoch = 7, .version = book_.nodes().version()};
    auto draft = book_.nodes();
    std::map<gang_id, std::vector<task_ref>> waiting;
    book_.for_each_task([&](task_ref ref) {
      const auto seen = *book_.task(ref);
      if (seen.state != task_state::pending)
        return;
      if (seen.gang != no_gang)
        waiting[seen.gang].push_back(ref);
      else
        draft_places({ref}, first_node, draft, out);
    });
    for (const auto& [gang, members] : waiting)
      draft_places(members, first_node, draft, out);
    return out;
  }

  /// Appends places for all of `tasks`, or for none.
  void draft_places(const std::vector<task_ref>& tasks,
                    std::uint32_t first_node, cluster& draft, plan& out) const {
    auto next = draft;
    auto items = out.items;
    for (const auto ref : tasks) {
      const auto seen = *book_.task(ref);
      auto placed = false;
      for (std::size_t n = 0; n < next.size() && !placed; ++n) {
        const auto on = static_cast<node_index>((n + first_node) % next.size());
        const auto chosen = devices_for(next, seen.shape, on);
        placed = chosen && next.take(on, seen.shape, *chosen);
        if (placed)
          items.emplace_back(plan_place{ref, seen.attempt, on, *chosen});
      }
      if (!placed)
        return;
    }
    draft = std::move(next);
    out.items = std::move(items);
  }

  /// A good plan on an old version, with items that nobody should send.
  plan bad_plan(const step& from) const {
    const auto& [what, a, b, c, d] = from;
    auto out = d % 2 == 0 ? good_plan(a) : plan{.epoch = 7};
    out.epoch = a % 12 == 11 ? 6 : 7;
    out.version = c % 3 == 0 ? snapshot_ : book_.nodes().version();
    if (b % 12 == 11)
      ++out.version;
    if (d % 4 == 1)
      crowd(node(b % 4), out);
    for (std::uint32_t i = 0; i < b % 5; ++i) {
      const auto ref = task(a + i * (c % 3));
      const auto seen = book_.task(ref);
      const auto to = node(b + i);
      const auto on = devices(from, seen ? seen->shape : shape_id{},
                              seen ? to : node_index{99});
      const auto at = attempt(ref, d + i);
      switch ((c + i) % 4) {
      case 0:
        out.items.emplace_back(plan_evict{ref, at});
        break;
      case 1:
        out.items.emplace_back(plan_move{ref, at, to, on});
        break;
      case 2:
        out.items.emplace_back(plan_resize{ref, at, demand(from)});
        break;
      default:
        out.items.emplace_back(plan_place{ref, at, to, on});
      }
    }
    if (d % 5 == 0 && !out.items.empty())
      out.items.pop_back();
    return out;
  }

  /// Places everything that waits on one node, each as if it were alone.
  void crowd(node_index on, plan& out) const {
    if (index_of(on) >= book_.nodes().size())
      return;
    book_.for_each_task([&](task_ref ref) {
      const auto seen = *book_.task(ref);
      if (seen.state == task_state::pending)
        out.items.emplace_back(
            plan_place{ref, seen.attempt, on,
                       devices_for(book_.nodes(), seen.shape, on).value_or(0)});
    });
  }

  ledger book_{7, {.tasks = 10, .node_names = 4}};
  ledger_model model_;
  std::vector<event> events_;
  std::vector<task_ref> known_; ///< Also of tasks that are gone.
  std::array<std::uint64_t, 4> sessions_{1, 1, 1, 1};
  std::map<std::string, std::uint64_t> next_sessions_; ///< By node name.
  std::uint64_t snapshot_ = 0;                         ///< Of an earlier step.
};

} // namespace skerry::testing
