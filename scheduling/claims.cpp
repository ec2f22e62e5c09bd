#include "scheduling/claims.hpp"

#include "scheduling/node_room.hpp"

#include <algorithm>
#include <utility>

namespace skerry {
namespace {

template <class T>
std::vector<T> distinct(std::vector<T> all) {
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

std::int64_t after(std::int64_t begin, std::int64_t length) {
  return length < claims::never - begin ? begin + length : claims::never;
}

} // namespace

const claims::claim* claims::find(const key& whose) const {
  const auto known = kept_.find(whose);
  return known == kept_.end() ? nullptr : &known->second;
}

bool claims::is_ready(std::span<const node_index> nodes) const {
  return std::ranges::all_of(nodes, [this](node_index node) {
    return index_of(node) < on_->size()
           && on_->condition(node) == node_condition::ready;
  });
}

/// In the order in which they came.
claims::chosen claims::all_but(const claim* mine) const {
  chosen out;
  for (const auto& [whose, each] : kept_)
    if (&each != mine)
      out.push_back(&each);
  std::ranges::sort(out, {}, &claim::order);
  return out;
}

// -- what happens on one node -------------------------------------------------

void claims::add_steps(const claim& of, node_index node, std::int64_t now,
                       std::vector<step>& out) {
  const auto at = std::max(of.expected, now);
  for (std::size_t i = 0; i < of.nodes.size(); ++i)
    if (of.nodes[i] == node)
      out.push_back(
          {of.tasks[i], of.order, at, of.promised, after(at, of.length)});
}

claims::site claims::look_at(node_index node, std::int64_t now,
                             const ends_on_node& ends,
                             const chosen& others) const {
  site out{node, {}, {}};
  ends(node, out.ends);
  for (const auto* each : others)
    add_steps(*each, node, now, out.steps);
  std::ranges::stable_sort(out.steps, {}, &step::rank);
  return out;
}

/// Goes through the steps in the order of time. Who has come after a promise
/// counts as staying: it was let in although the claim was late already, and
/// could be followed by others without end.
bool claims::all_fit(const site& on, const newcomer* guest) const {
  node_room room{*on_, on.node};
  if (guest != nullptr)
    room.take(on_->shape(guest->shape), guest->devices);
  struct begun {
    shape_id shape;
    device_mask devices;
    std::int64_t end;
  };
  std::vector<begun> before;
  std::vector<bool> gone(on.ends.size());
  for (const auto& each : on.steps) {
    for (std::size_t i = 0; i < on.ends.size(); ++i) {
      const auto& running = on.ends[i];
      if (gone[i] || running.at > each.at || running.since > each.promised)
        continue;
      gone[i] = true;
      room.give_back(on_->shape(running.shape), running.devices);
    }
    if (guest != nullptr && guest->end <= std::min(each.at, each.promised)) {
      room.give_back(on_->shape(guest->shape), guest->devices);
      guest = nullptr;
    }
    std::erase_if(before, [&](const begun& other) {
      if (other.end > each.at)
        return false;
      room.give_back(on_->shape(other.shape), other.devices);
      return true;
    });
    const auto& shape = on_->shape(each.shape);
    if (!room.fits(shape))
      return false;
    before.push_back({each.shape, room.choose(shape), each.end});
    room.take(shape, before.back().devices);
  }
  return true;
}

bool claims::allows(const newcomer& task, std::int64_t now,
                    const ends_on_node& ends, const key* mine) const {
  auto others = all_but(mine == nullptr ? nullptr : find(*mine));
  std::erase_if(others, [&](const claim* each) {
    return each->priority < task.priority
           || std::ranges::find(each->nodes, task.node) == each->nodes.end();
  });
  return others.empty()
         || all_fit(look_at(task.node, now, ends, others), &task);
}

// -- plans --------------------------------------------------------------------

/// Ready nodes that could run some of the tasks. With more than enough of them
/// each look takes others.
std::vector<node_index> claims::candidates_for(const claim& mine) {
  std::vector<node_index> out = mine.nodes;
  for (const auto shape : distinct(mine.tasks)) {
    std::vector<node_index> able;
    for (std::uint32_t i = 0; i < on_->size(); ++i) {
      const auto node = static_cast<node_index>(i);
      if (on_->condition(node) == node_condition::ready
          && !on_->shape(shape).fits[index_of(on_->class_id(node))].never)
        able.push_back(node);
    }
    const auto most = std::max(
        how_.candidates,
        4 * static_cast<std::size_t>(std::ranges::count(mine.tasks, shape)));
    if (able.size() > most) {
      const auto first
          = static_cast<std::ptrdiff_t>((looks_ * most) % able.size());
      std::ranges::rotate(able, able.begin() + first);
      able.resize(most);
    }
    out.insert(out.end(), able.begin(), able.end());
  }
  ++looks_;
  return distinct(std::move(out));
}

/// Puts on each node as many of the tasks as will have room there at `time`,
/// beside those of other claims.
std::optional<claims::plan> claims::plan_at(std::int64_t time,
                                            const claim& mine,
                                            std::vector<site> sites) const {
  plan out{time, std::vector<node_index>(mine.tasks.size())};
  std::vector<std::size_t> left(mine.tasks.size());
  for (std::size_t i = 0; i < left.size(); ++i)
    left[i] = i;
  for (auto& on : sites) {
    if (left.empty())
      break;
    std::optional<shape_id> refused; // Equal tasks mostly come together.
    std::erase_if(left, [&](std::size_t task) {
      const auto shape = mine.tasks[task];
      if (refused == shape)
        return false;
      const step wanted{shape, mine.order, time, std::min(time, mine.promised),
                        after(time, mine.length)};
      const auto added = on.steps.insert(
          std::ranges::upper_bound(on.steps, wanted.rank(), {}, &step::rank),
          wanted);
      if (all_fit(on, nullptr)) {
        out.nodes[task] = on.node;
        return true;
      }
      on.steps.erase(added);
      refused = shape;
      return false;
    });
  }
  if (!left.empty())
    return std::nullopt;
  return out;
}

/// The first end after which everything fits. What fits at a time mostly does
/// later, so the ends are searched by halves: between other claims that end
/// there may be an earlier hole.
std::optional<claims::plan> claims::find_plan(const claim& mine,
                                              std::span<const node_index> among,
                                              std::int64_t now,
                                              const ends_on_node& ends,
                                              const chosen& others) const {
  std::vector<site> sites;
  std::vector<std::int64_t> times{now};
  for (const auto node : among) {
    const auto& on = sites.emplace_back(look_at(node, now, ends, others));
    for (const auto& each : on.steps) {
      times.push_back(each.at);
      if (each.end != never)
        times.push_back(each.end);
    }
    for (const auto& each : on.ends)
      if (each.at != never)
        times.push_back(std::max(each.at, now));
  }
  times = distinct(std::move(times));
  auto found = plan_at(now, mine, sites);
  if (found)
    return found;
  std::size_t low = 0; // Does not fit.
  auto high = times.size() - 1;
  found = plan_at(times[high], mine, sites);
  while (found && low + 1 < high) {
    const auto middle = low + (high - low) / 2;
    if (auto earlier = plan_at(times[middle], mine, sites)) {
      found = std::move(earlier);
      high = middle;
    } else {
      low = middle;
    }
  }
  return found;
}

/// Whether the tasks fit where and when it says, beside the others.
bool claims::holds(const claim& mine, std::int64_t now,
                   const ends_on_node& ends, const chosen& others) const {
  if (mine.nodes.empty() || !is_ready(mine.nodes))
    return false;
  auto with = others;
  with.push_back(&mine);
  return std::ranges::all_of(distinct(mine.nodes), [&](node_index node) {
    return all_fit(look_at(node, now, ends, with), nullptr);
  });
}

bool claims::plan_anew(claim& mine, std::int64_t now, const ends_on_node& ends,
                       const chosen& others) {
  mine.nodes.clear();
  const auto among = candidates_for(mine);
  auto found = find_plan(mine, among, now, ends, others);
  if (!found && mine.promised != never) { // What was promised cannot be.
    mine.promised = never;
    found = find_plan(mine, among, now, ends, others);
  }
  if (!found)
    return false;
  mine.nodes = std::move(found->nodes);
  mine.expected = found->at;
  mine.promised = std::min(mine.promised, found->at);
  return true;
}

void claims::review(std::int64_t now, const ends_on_node& ends) {
  chosen held;
  std::vector<const claim*> broken;
  for (const auto* each : all_but(nullptr)) {
    const bool still = holds(*each, now, ends, held);
    (still ? held : broken).push_back(each);
  }
  for (const auto* each : broken) {
    const auto at = std::ranges::find_if(
        kept_, [&](const auto& entry) { return &entry.second == each; });
    if (plan_anew(at->second, now, ends, held))
      held.push_back(each);
    else
      kept_.erase(at);
  }
}

const claims::claim* claims::keep(const key& whose, std::vector<shape_id> tasks,
                                  std::int64_t length, std::int32_t priority,
                                  std::int64_t now, const ends_on_node& ends) {
  if (const auto known = find(whose);
      known != nullptr && (known->tasks != tasks || known->length != length))
    give_up(whose);
  review(now, ends);
  const auto [at, is_new] = kept_.try_emplace(whose);
  auto& mine = at->second;
  mine.priority = priority;
  const auto others = all_but(&mine);
  if (is_new) {
    mine.tasks = std::move(tasks);
    mine.length = length;
    mine.order = next_order_++;
    if (plan_anew(mine, now, ends, others))
      return &mine;
    kept_.erase(at);
    return nullptr;
  }
  if (auto found = find_plan(mine, candidates_for(mine), now, ends, others);
      found && found->at < std::max(mine.expected, now)) {
    mine.nodes = std::move(found->nodes);
    mine.expected = found->at;
    mine.promised = std::min(mine.promised, found->at);
  }
  return &mine;
}

std::int64_t claims::start_of(const claim& mine, std::int64_t now,
                              const ends_on_node& ends) const {
  const auto found = find_plan(mine, distinct(mine.nodes), now, ends, {});
  return found ? found->at : never;
}

} // namespace skerry
