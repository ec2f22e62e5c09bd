#include "scheduling/claims.hpp"
#include "scheduling/ledger.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/scorer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/claims");

namespace {

struct waiting_job {
  task_shape shape;
  std::size_t gang = 1; ///< Equal tasks that start together.
  std::int64_t arrival = 0;
  std::int64_t run = 1;
  std::int64_t bound = claims::never; ///< After its start.
};

/// Of 8 cores.
node_index add_node(ledger& to, const char* name) {
  return to.register_node({.name = name, .capacity = {8_cores, 8_GiB}}, 1)
      .value()
      .node;
}

/// A queue in order of arrival, before a small cluster.
class batch_queue {
public:
  enum class how { in_order, greedy, claiming };

  struct outcome {
    std::vector<std::int64_t> starts;   ///< -1: not yet.
    std::vector<std::int64_t> promises; ///< The first; `never`: none.
    std::vector<std::int64_t> earliest; ///< The last promise.
    double core_milliseconds = 0;       ///< Used until the last arrival.
    std::size_t backfilled = 0;         ///< While a claim waited.
  };

  batch_queue(const std::vector<node_spec>& nodes, how order,
              std::size_t depth = 1)
      : order_{order}, depth_{depth} {
    for (const auto& node : nodes)
      REQUIRE(ledger_.register_node(node, 1));
  }

  outcome play(const std::vector<waiting_job>& jobs, std::int64_t until) {
    jobs_ = &jobs;
    out_.starts.assign(jobs.size(), -1);
    out_.promises.assign(jobs.size(), claims::never);
    out_.earliest.assign(jobs.size(), claims::never);
    horizon_ = jobs.back().arrival;
    std::size_t next = 0;
    while (now_ <= until) {
      for (; next < jobs.size() && jobs[next].arrival <= now_; ++next)
        queue_.push_back(next);
      schedule();
      auto soonest = next < jobs.size() ? jobs[next].arrival : claims::never;
      for (const auto& each : running_)
        soonest = std::min(soonest, each.ends);
      if (soonest == claims::never)
        break;
      now_ = soonest;
      std::erase_if(running_, [&](const running& each) {
        if (each.ends > now_)
          return false;
        REQUIRE(ledger_.finish(each.task));
        return true;
      });
      REQUIRE(ledger_.check_invariants());
    }
    return out_;
  }

private:
  struct running {
    task_ref task;
    std::int64_t since;
    std::int64_t ends;
    std::int64_t expected;
  };

  void ends_on(node_index node, std::vector<expected_end>& out) const {
    for (const auto& each : running_) {
      const auto view = ledger_.task(each.task).value();
      // What has no bound is taken to run for as long again.
      const auto at = each.expected == claims::never
                          ? now_ + std::max<std::int64_t>(now_ - each.since, 1)
                          : each.expected;
      if (view.node == node)
        out.push_back({view.shape, view.devices, each.since, at});
    }
  }

  void schedule() {
    std::size_t claimed = 0;
    for (std::size_t i = 0; i < queue_.size();) {
      const auto job = queue_[i];
      const claims::key key{"q", job};
      if (start(job)) {
        kept_.give_up(key);
        queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
        out_.backfilled += claimed > 0 ? 1 : 0;
        continue;
      }
      ++i;
      if (order_ == how::in_order)
        return;
      if (order_ != how::claiming || claimed == depth_)
        continue;
      ++claimed;
      const auto profile
          = ledger_.intern({.shape = (*jobs_)[job].shape}).value();
      std::vector<shape_id> tasks((*jobs_)[job].gang,
                                  ledger_.profile(profile).shape);
      const auto* claim
          = kept_.keep(key, tasks, (*jobs_)[job].bound, 0, now_, ends_);
      REQUIRE(claim != nullptr);
      auto& promise = out_.promises[job];
      if (promise == claims::never)
        promise = claim->promised;
      out_.earliest[job] = claim->promised;
      if (claim->expected == now_) { // On nodes that it has not tried.
        REQUIRE(start(job));
        kept_.give_up(key);
        queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(--i));
        --claimed;
      }
    }
  }

  bool start(std::size_t job) {
    const auto& what = (*jobs_)[job];
    const claims::key key{"q", job};
    const auto profile = ledger_.intern({.shape = what.shape}).value();
    const auto& nodes = ledger_.nodes();
    const auto shape = ledger_.profile(profile).shape;
    const auto bound
        = what.bound == claims::never ? claims::never : now_ + what.bound;
    const auto before = running_.size();
    for (std::size_t i = 0; i < what.gang; ++i) {
      std::vector<node_index> order;
      if (const auto* mine = kept_.find(key))
        order = mine->nodes;
      for (std::uint32_t n = 0; n < nodes.size(); ++n)
        order.push_back(static_cast<node_index>(n));
      const auto node = std::ranges::find_if(order, [&](node_index each) {
        const auto& compiled = nodes.shape(shape);
        return !nodes.why_not(compiled, each)
               && kept_.allows({each, shape,
                                tightest_devices(nodes, compiled, each), bound},
                               now_, ends_, &key);
      });
      if (node == order.end())
        break;
      const auto task
          = ledger_.submit(fmt::format("{}-{}-{}", job, i, now_), profile)
                .value();
      REQUIRE(ledger_.place(
          task, *node, tightest_devices(nodes, nodes.shape(shape), *node)));
      running_.push_back({task, now_, now_ + what.run, bound});
    }
    if (running_.size() == before + what.gang) {
      out_.starts[job] = now_;
      const auto counted = std::min(now_ + what.run, horizon_) - now_;
      out_.core_milliseconds
          += static_cast<double>(std::max<std::int64_t>(counted, 0))
             * static_cast<double>(what.gang)
             * static_cast<double>(what.shape.demand[resource_kind::cpu]);
      return true;
    }
    while (running_.size() > before) {
      REQUIRE(ledger_.cancel(running_.back().task));
      running_.pop_back();
    }
    return false;
  }

  how order_;
  std::size_t depth_;
  ledger ledger_{1};
  claims kept_{ledger_.nodes(), {}};
  ends_on_node ends_ = [this](node_index node, std::vector<expected_end>& out) {
    ends_on(node, out);
  };
  const std::vector<waiting_job>* jobs_ = nullptr;
  std::deque<std::size_t> queue_;
  std::vector<running> running_;
  std::int64_t now_ = 0;
  std::int64_t horizon_ = 0;
  outcome out_;
};

const std::vector<node_spec> mixed_nodes{
    {.name = "a", .capacity = {8_cores, 32_GiB}},
    {.name = "b", .capacity = {16_cores, 16_GiB}},
    {.name = "c",
     .capacity = {8_cores, 32_GiB},
     .devices = {{.model = "A100"}, {.model = "A100"}}},
    {.name = "d",
     .capacity = {8_cores, 64_GiB},
     .devices = {{.model = "T4"}, {.model = "A100"}}}};

task_shape random_shape(rng& random) {
  const auto cores = std::int64_t{1} << random.below(4);
  task_shape out{
      .demand = {millicores{cores * 1'000},
                 bytes{static_cast<std::int64_t>(1 + random.below(16)) << 30}}};
  switch (random.below(8)) {
  case 0:
    out.devices = {{.count = static_cast<std::int32_t>(1 + random.below(2))}};
    break;
  case 1:
    out.devices = {{.models = {"A100"}}};
    break;
  case 2:
    out.devices = {{.share_milli = 300}};
    break;
  default:
    break;
  }
  return out;
}

/// More than the nodes can take for a while, with bounds of 1 to 5 times what
/// they run.
std::vector<waiting_job> random_jobs(std::uint64_t seed) {
  rng random{seed};
  std::vector<waiting_job> out;
  std::int64_t arrival = 0;
  for (int i = 0; i < 120; ++i) {
    arrival += static_cast<std::int64_t>(random.below(12));
    waiting_job job{.shape = random_shape(random), .arrival = arrival};
    job.run = 1 + static_cast<std::int64_t>(random.exponential(40));
    job.bound = job.run
                + static_cast<std::int64_t>(
                    random.below(static_cast<std::uint64_t>(4 * job.run + 1)));
    if (random.below(6) == 0 && job.shape.devices.empty())
      job.gang = 2;
    out.push_back(std::move(job));
  }
  return out;
}

constexpr std::int64_t long_enough = 1'000'000;

} // namespace

TEST_CASE("no backfill delays a promised start, and all start in the end") {
  using how = batch_queue::how;
  std::size_t promised = 0;
  std::size_t backfilled = 0;
  double in_order = 0;
  double easy = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    const auto jobs = random_jobs(seed);
    for (const std::size_t depth : {1, 4, 1'000}) {
      CAPTURE(depth);
      const auto out = batch_queue{mixed_nodes, how::claiming, depth}.play(
          jobs, long_enough);
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        REQUIRE(out.starts[i] >= jobs[i].arrival);
        CHECK(out.starts[i] <= out.promises[i]);
        promised += out.promises[i] != claims::never ? 1 : 0;
      }
      backfilled += out.backfilled;
      if (depth == 1)
        easy += out.core_milliseconds;
    }
    in_order += batch_queue{mixed_nodes, how::in_order}
                    .play(jobs, long_enough)
                    .core_milliseconds;
  }
  // The test has seen what it is about.
  CHECK(promised > 1'000);
  CHECK(backfilled > 1'000);
  CHECK(easy > in_order);
  MESSAGE("used by the last arrival, in order: " << in_order / 1e6
                                                 << ", easy: " << easy / 1e6);
}

TEST_CASE("without bounds a claim waits for none that came after its promise") {
  std::size_t late = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    auto jobs = random_jobs(seed);
    rng random{seed + 1'000};
    for (auto& job : jobs)
      if (random.below(4) != 0)
        job.bound = claims::never;
    const auto out = batch_queue{mixed_nodes, batch_queue::how::claiming}.play(
        jobs, long_enough);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      REQUIRE(out.starts[i] >= jobs[i].arrival);
      auto last = out.earliest[i];
      for (std::size_t j = 0; j < jobs.size(); ++j)
        if (out.starts[j] <= out.earliest[i] && j != i)
          last = std::max(last, out.starts[j] + jobs[j].run);
      CHECK(out.starts[i] <= last);
      late += out.starts[i] > out.earliest[i] ? 1 : 0;
    }
  }
  CHECK(late > 100); // The test has seen what it is about.
}

TEST_CASE("without end small tasks come; the large one starts all the same") {
  using how = batch_queue::how;
  const std::vector<node_spec> nodes{
      {.name = "a", .capacity = {4_cores, 8_GiB}},
      {.name = "b", .capacity = {4_cores, 8_GiB}}};
  // Each time one ends, there is another: 8 cores, one arrival each 10 ms for
  // 100 ms. Half of them would say so beforehand.
  std::vector<waiting_job> jobs;
  for (int i = 0; i < 2'000; ++i)
    jobs.push_back({.shape = {.demand = {1_cores, 1_GiB}},
                    .arrival = i * 10,
                    .run = 100,
                    .bound = i % 2 == 0 ? 150 : claims::never});
  const auto large = 50;
  SUBCASE("a task that wants a whole node") {
    jobs[large].shape.demand = {4_cores, 8_GiB};
  }
  SUBCASE("a gang that wants both") {
    jobs[large].shape.demand = {4_cores, 4_GiB};
    jobs[large].gang = 2;
  }
  jobs[large].bound = 150;
  const auto greedy = batch_queue{nodes, how::greedy}.play(jobs, long_enough);
  const auto fair = batch_queue{nodes, how::claiming}.play(jobs, long_enough);
  // Only when the stream has ended.
  CHECK(greedy.starts[large] >= jobs.back().arrival);
  // When those have ended that were there, and what was let in beside them.
  CHECK(fair.starts[large] <= jobs[large].arrival + 2 * 150);
  CHECK(std::ranges::count(fair.starts, -1) == 0);
}

TEST_CASE("who does not take what is needed may stay for ever") {
  ledger on{1};
  const auto node = add_node(on, "a");
  const auto shape_of = [&](millicores cpu) {
    return on.profile(on.intern({.shape = {.demand = {cpu, 1_GiB}}}).value())
        .shape;
  };
  const auto four = shape_of(4_cores);
  const auto six = shape_of(6_cores);
  const auto two = shape_of(2_cores);
  const auto one = shape_of(1_cores);
  const auto task
      = on.submit("t",
                  on.intern({.shape = {.demand = {4_cores, 1_GiB}}}).value())
            .value();
  REQUIRE(on.place(task, node, 0));
  const ends_on_node ends = [&](node_index, std::vector<expected_end>& out) {
    out.push_back({four, 0, 0, 100});
  };
  claims kept{on.nodes(), {}};
  const auto* claim = kept.keep({"s", 1}, {six}, claims::never, 0, 10, ends);
  REQUIRE(claim != nullptr);
  CHECK(claim->promised == 100);
  CHECK(claim->nodes == std::vector{node});
  // 8 - 6 are left at the time 100.
  CHECK(kept.allows({node, two, 0, claims::never}, 10, ends));
  CHECK(!kept.allows({node, four, 0, claims::never}, 10, ends));
  CHECK(kept.allows({node, four, 0, 100}, 10, ends)); // Gone by then.
  CHECK(!kept.allows({node, four, 0, 101}, 10, ends));
  // Now it is late: nobody's end counts any more.
  CHECK(kept.keep({"s", 1}, {six}, claims::never, 0, 110,
                  [&](node_index, std::vector<expected_end>& out) {
                    out.push_back({four, 0, 0, 200});
                  })
            ->promised
        == 100);
  const ends_on_node later = [&](node_index, std::vector<expected_end>& out) {
    out.push_back({four, 0, 0, 200});
  };
  CHECK(kept.start_of(*kept.find({"s", 1}), 110, later) == 200);
  CHECK(!kept.allows({node, four, 0, 150}, 110, later));
  CHECK(kept.allows({node, one, 0, claims::never}, 110, later));
  const claims::key mine{"s", 1};
  CHECK(kept.allows({node, four, 0, claims::never}, 110, later, &mine));
  kept.give_up(mine);
  CHECK(kept.allows({node, four, 0, claims::never}, 110, later));
}

TEST_CASE("what was kept on a lost node is kept on another") {
  ledger on{1};
  const auto a = add_node(on, "a");
  const auto b = add_node(on, "b");
  const auto profile
      = on.intern({.shape = {.demand = {6_cores, 1_GiB}}}).value();
  const auto six = on.profile(profile).shape;
  REQUIRE(on.place(on.submit("1", profile).value(), a, 0));
  REQUIRE(on.place(on.submit("2", profile).value(), b, 0));
  const ends_on_node ends
      = [&](node_index node, std::vector<expected_end>& out) {
          out.push_back({six, 0, 0, node == a ? 100 : 200});
        };
  claims kept{on.nodes(), {}};
  const claims::key mine{"s", 1};
  REQUIRE(kept.keep(mine, {six}, 50, 0, 10, ends)->nodes == std::vector{a});
  REQUIRE(on.set_condition(a, node_condition::cordoned));
  kept.review(20, ends);
  CHECK(kept.find(mine)->nodes == std::vector{b});
  CHECK(kept.find(mine)->expected == 200);
  // It is late then, so that nobody is let in on the strength of an end.
  CHECK(kept.find(mine)->promised == 100);
  REQUIRE(on.set_condition(b, node_condition::cordoned));
  kept.review(30, ends);
  CHECK(kept.empty());
}

TEST_CASE("who has a higher priority need not care for a claim") {
  ledger on{1};
  const auto node = add_node(on, "a");
  const auto all
      = on.profile(on.intern({.shape = {.demand = {8_cores, 1_GiB}}}).value())
            .shape;
  const auto one
      = on.profile(on.intern({.shape = {.demand = {1_cores, 1_GiB}}}).value())
            .shape;
  claims kept{on.nodes(), {}};
  const ends_on_node none = [](node_index, std::vector<expected_end>&) {};
  REQUIRE(kept.keep({"s", 1}, {all}, claims::never, 3, 0, none) != nullptr);
  CHECK(!kept.allows({node, one, 0, claims::never, 3}, 0, none));
  CHECK(kept.allows({node, one, 0, claims::never, 4}, 0, none));
}

TEST_CASE("nothing is kept for what would not fit on empty nodes") {
  ledger on{1};
  REQUIRE(on.register_node({.name = "a", .capacity = {8_cores, 8_GiB}}, 1));
  const auto shape
      = on.profile(on.intern({.shape = {.demand = {6_cores, 1_GiB}}}).value())
            .shape;
  claims kept{on.nodes(), {}};
  const ends_on_node none = [](node_index, std::vector<expected_end>&) {};
  CHECK(kept.keep({"s", 1}, {shape, shape}, claims::never, 0, 0, none)
        == nullptr);
  CHECK(kept.empty());
  CHECK(kept.keep({"s", 1}, {shape}, claims::never, 0, 0, none)->expected == 0);
}

TEST_SUITE_END();
