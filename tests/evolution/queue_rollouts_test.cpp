#include "evolution/queue_replay.hpp"
#include "evolution/queue_rollouts.hpp"

#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// Ten jobs wait at 1000 on a machine of 16; one runs until 1500, as requested.
struct queue {
  queue() {
    for (std::int64_t number = 0; number < 10; ++number)
      waiting.push_back({number, number * 90, 20 + number * 37 % 11 * 40,
                         1 + number % 5 * 3});
    running.push_back({{100, 0, 1'200, 10}, 300});
  }
  queue_state state() const { return {1'000, 16, 6, waiting, running}; }

  std::vector<queued_job> waiting;
  std::vector<running_job> running;
  queue_record record; ///< Empty: nothing arrives and requests are exact.
  rng random{1};
};

std::vector<queue_rule> rules() {
  auto all = all_rules();
  for (const auto& [order, weights] : orders_as_weights())
    all.emplace_back(weights);
  return all;
}

} // namespace

TEST_SUITE_BEGIN("evolution/queue_rollouts");

TEST_CASE("with the head of the rule a play is what the rule does") {
  for (const auto backfill : {backfilling::none, backfilling::easy}) {
    queue now;
    const auto all = rules();
    queue_rollouts rollouts{all, backfill, 40};
    rollouts.reset(now.state(), now.record, now.random);
    for (std::size_t rule = 0; rule < all.size(); ++rule) {
      // The same machine, asking the policy itself.
      struct asking {
        queue_policy& policy;
        std::span<const queued_job> jobs;
        std::vector<running_job> running;

        static void arrived(std::uint32_t /*job*/) {}
        static void ended(std::uint32_t /*job*/) {}
        void started(std::uint32_t job, std::int64_t now_seconds) {
          running.push_back({jobs[job], now_seconds});
        }
        std::uint32_t choose(queue_machine& machine) {
          std::vector<queued_job> left;
          for (const auto job : machine.waiting())
            left.push_back(jobs[job]);
          std::erase_if(running, [&](const running_job& job) {
            return job.start_seconds + job.job.requested_seconds
                   <= machine.now_seconds();
          });
          const auto chosen
              = policy.choose({machine.now_seconds(), 16,
                               machine.free_processors(), left, running});
          return machine.waiting()[chosen];
        }
      };
      const auto policy = policy_of(all[rule]);
      asking chooser{*policy, now.waiting, now.running};
      std::vector<machine_job> jobs;
      for (const auto& job : now.waiting)
        jobs.push_back({job.submit_seconds, job.requested_seconds,
                        job.requested_seconds, job.processors});
      const std::vector<machine_claim> running{{1'500, 1'500, 10}};
      queue_machine machine{backfill};
      const auto expected
          = machine.play({1'000, 6, running, jobs.size()}, jobs, chooser);
      const auto head = static_cast<std::uint32_t>(policy->choose(now.state()));
      CHECK(rollouts.sorted(rule).front() == head);
      CHECK(rollouts.play(rule, head, 0) == doctest::Approx(expected));
    }
  }
}

TEST_CASE("all heads and rules meet the same futures") {
  queue now;
  for (std::int64_t number = 0; number < 400; ++number) {
    now.record.submitted({number, number * 2, 50, 1 + number % 7});
    now.record.ended({number, number * 2, 50, 1 + number % 7},
                     number % 2 == 0 ? 5 : 50);
  }
  const auto all = rules();
  queue_rollouts rollouts{all, backfilling::easy, 40};
  rollouts.reset(now.state(), now.record, now.random);
  std::vector<double> first;
  for (std::size_t future = 0; future < 6; ++future)
    first.push_back(rollouts.play(0, 3, future));
  (void)rollouts.play(2, 5, 9); // Draws more.
  for (std::size_t future = 0; future < 6; ++future)
    CHECK(rollouts.play(0, 3, future) == first[future]);
  CHECK(first[0] != first[1]);
}

TEST_SUITE_END();
