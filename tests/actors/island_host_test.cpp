#include "actors/island_host.hpp"
#include "evolution/test_functions.hpp"
#include "scheduling/rng.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("actors/island_host");

namespace {

island_goal rastrigin(std::uint64_t fingerprint = 1) {
  // Noisy, so that champions are validated.
  const auto of = std::make_shared<shifted_function>(test_function::rastrigin,
                                                     5, fingerprint, 0.5);
  return {
      .of = of, .text = "rastrigin", .fingerprint = fingerprint, .starts = {}};
}

island_host_options options(std::string server, std::uint32_t number = 0) {
  return {.server = std::move(server),
          .number = number,
          .island
          = {.optimiser = *find_optimiser("ga"),
             .migration
             = {.every = 2, .count = 2, .selection = migrant_selection::random},
             .validate_every = 2}};
}

/// Until a generation has ended.
void advance(island_host& host, instant now, outbox& out) {
  while (!host.step(now, out)) {
  }
}

/// Islands whose messages are lost, doubled and late, in virtual time: a
/// generation of each takes 100 ms.
struct sea {
  struct letter {
    std::int64_t due = 0;
    mesh::v1::Envelope what;
  };

  std::map<std::string, island_host> hosts;
  std::vector<letter> under_way;
  rng random{7};
  std::int64_t now = 0;
  double lost = 0;
  double doubled = 0;
  std::int64_t longest_delay = 10;
  std::string cut_off; ///< A server that nobody reaches.

  explicit sea(const std::vector<std::string>& servers) {
    for (const auto& name : servers)
      hosts.try_emplace(name, options(name), rastrigin());
    tell_all();
  }

  void tell_all() {
    for (auto& [name, host] : hosts) {
      std::map<std::string, std::uint32_t> reachable;
      for (const auto& [other, of] : hosts)
        if (other == name || (other != cut_off && name != cut_off))
          reachable[other] = 1;
      host.set_islands(reachable);
    }
  }

  void post(const std::string& from, outbox out) {
    for (auto& envelope : out.envelopes) {
      envelope.set_from(from);
      const int copies = (random.uniform() < lost ? 0 : 1)
                         + (random.uniform() < doubled ? 1 : 0);
      for (int i = 0; i < copies; ++i)
        under_way.push_back(
            {now
                 + static_cast<std::int64_t>(
                     random.below(static_cast<std::uint64_t>(longest_delay))),
             envelope});
    }
  }

  void deliver() {
    for (std::size_t i = 0; i < under_way.size();) {
      if (under_way[i].due > now) {
        ++i;
        continue;
      }
      const auto what = std::move(under_way[i].what);
      under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(i));
      if (what.from() == cut_off || what.to() == cut_off)
        continue;
      outbox out;
      hosts.at(what.to()).take(what, {now, now}, out);
      post(what.to(), std::move(out));
    }
  }

  void run(int generations) {
    for (int g = 0; g < generations; ++g) {
      for (auto& [name, host] : hosts) {
        outbox out;
        advance(host, {now, now}, out);
        post(name, std::move(out));
      }
      for (const auto until = now + 100; now < until; now += 10)
        deliver();
    }
  }

  v1::IslandStatus status(const std::string& name) const {
    return hosts.at(name).status();
  }
};

mesh::v1::Envelope batch_of(const island_host& from, std::uint64_t number,
                            std::vector<genome> genes) {
  mesh::v1::Envelope out;
  out.set_from("stranger");
  auto& batch = *out.mutable_migrants();
  batch.set_number(number);
  // As an honest one would write it.
  outbox sent;
  auto copy = island_host{from.options(), from.goal()};
  copy.set_islands({{"a", 1}, {"b", 1}});
  while (sent.envelopes.empty())
    (void)copy.step({}, sent); // Until it has migrants.
  batch.set_schema(sent.envelopes.front().migrants().schema());
  for (const auto& each : genes)
    batch.add_migrants()->mutable_genes()->Add(each.begin(), each.end());
  return out;
}

} // namespace

TEST_CASE("every island runs on whatever becomes of its migrants") {
  sea all{{"a", "b", "c", "d"}};
  all.lost = 0.3;
  all.doubled = 0.3;
  all.longest_delay = 3'000; // Thirty generations: any order.
  all.run(200);
  for (const auto& [name, host] : all.hosts) {
    const auto at = host.status();
    CAPTURE(name);
    CHECK(at.generation() == 200);
    CHECK(at.migrants_accepted() > 20);
    CHECK(at.migrants_known() > 0); // Those that were doubled.
    CHECK(at.migrants_refused() == 0);
    CHECK(at.batches_lost() > 0);
    REQUIRE(at.neighbours_size() == 1); // A ring.
  }
  CHECK(all.status("a").neighbours(0) == "b/0");
  CHECK(all.status("d").neighbours(0) == "a/0");
}

TEST_CASE(
    "who falls silent gets no more than its window, and its credit back") {
  sea all{{"a", "b"}};
  all.lost = 1;
  all.run(40);
  // 20 sendings. Those of the first 0.2, 0.4, 0.6 and 0.8 s fill the window;
  // after 5 s the first is lost, which frees a place: 4 s are not enough.
  const auto early = all.status("a");
  CHECK(early.migrants_sent() == 2 * 20); // Chosen, whoever gets them.
  CHECK(early.batches_skipped() == 16);
  CHECK(early.batches_lost() == 0);
  all.run(20);
  CHECK(all.status("a").batches_lost() > 0);
  all.lost = 0;
  all.run(80);
  CHECK(all.status("b").migrants_accepted() > 0);
}

TEST_CASE("migrants that come soon after each other travel together") {
  auto how = options("a");
  how.island.migration.every = 1;
  island_host host{how, rastrigin()};
  host.set_islands({{"a", 1}, {"b", 1}});
  std::vector<int> sizes;
  for (int g = 0; g < 40; ++g) {
    outbox out;
    const auto now = g * 10;
    advance(host, {now, now}, out);
    for (const auto& envelope : out.envelopes)
      sizes.push_back(envelope.migrants().migrants_size());
  }
  // At 0, 100, 200 and 300 ms; two of each generation since the last.
  CHECK(sizes == std::vector<int>{2, 20, 20, 20});
}

TEST_CASE("a dead neighbour is skipped, and one that returns is welcome") {
  sea all{{"a", "b", "c"}};
  all.run(20);
  all.cut_off = "b";
  all.tell_all();
  CHECK(all.status("a").neighbours(0) == "c/0");
  CHECK(all.status("b").neighbours_size() == 0); // It goes on alone.
  const auto before = all.status("c").migrants_accepted();
  const auto alone = all.status("b").migrants_accepted();
  all.run(40);
  CHECK(all.status("c").migrants_accepted() > before);
  CHECK(all.status("b").migrants_accepted() == alone);
  CHECK(all.status("b").generation() == 60);
  all.cut_off.clear();
  all.tell_all();
  all.run(40);
  CHECK(all.status("b").migrants_accepted() > alone);
  CHECK(all.status("a").neighbours(0) == "b/0");
}

TEST_CASE("what a stranger sends is checked") {
  island_host host{options("a"), rastrigin()};
  const auto good = genome(5, 0.5);
  const auto& upper = host.goal().of->space().upper;
  auto infinite = good;
  infinite[2] = std::numeric_limits<double>::infinity();
  auto none = good;
  none[0] = std::nan("");
  auto beyond = good;
  beyond[4] = upper[4] * 1.001;
  const std::vector<genome> bad{infinite,       none,           beyond,
                                genome(4, 0.5), genome(6, 0.5), {}};
  std::uint64_t number = 1;
  for (const auto& each : bad) {
    outbox out;
    host.take(batch_of(host, number, {each}), {}, out);
    // It is answered all the same: its sender has its credit back.
    REQUIRE(out.envelopes.size() == 1);
    CHECK(out.envelopes[0].to() == "stranger");
    CHECK(out.envelopes[0].migrants_reply().number() == number++);
    CHECK(out.envelopes[0].migrants_reply().accepted() == 0);
  }
  CHECK(host.status().migrants_refused() == bad.size());
  CHECK(host.status().migrations_size() == static_cast<int>(bad.size()));
  CHECK(host.status().migrations(0).outcome() == v1::Migration::REFUSED);
  CHECK_FALSE(host.status().migrations(0).reason().empty());

  outbox out;
  auto other = batch_of(host, 90, {good});
  other.mutable_migrants()->set_schema("0123456789abcdef-5");
  host.take(other, {}, out);
  CHECK(host.status().migrants_refused() == bad.size() + 1);

  // Of an endless batch the first 64 are looked at.
  std::vector<genome> many;
  for (int i = 0; i < 1000; ++i)
    many.emplace_back(5, 0.001 * i);
  host.take(batch_of(host, 91, many), {}, out);
  CHECK(host.status().migrants_accepted() == 64);
  CHECK(host.status().migrants_refused() == bad.size() + 1 + 1000 - 64);

  // The log is bounded, and so is the inbox.
  for (int i = 0; i < 40; ++i) {
    many.clear();
    for (int j = 0; j < 60; ++j)
      many.emplace_back(5, -0.0001 * (i * 60 + j) - 0.0001);
    host.take(batch_of(host, 100, many), {}, out);
  }
  CHECK(host.status().migrations_size() == 256);
  CHECK(host.status().migrants_accepted() == max_waiting_migrants);
}

TEST_CASE(
    "an island is reproduced from its seed and the migrants it accepted") {
  sea all{{"a", "b"}};
  struct arrival {
    std::uint64_t generation;
    mesh::v1::Envelope what;
  };
  std::vector<arrival> log;
  for (int g = 0; g < 30; ++g) {
    for (const auto& [due, what] : all.under_way)
      if (what.to() == "a" && what.has_migrants())
        FAIL("all are delivered between generations");
    for (auto& [name, host] : all.hosts) {
      outbox out;
      advance(host, {all.now, all.now}, out);
      for (auto& envelope : out.envelopes) {
        envelope.set_from(name);
        if (envelope.to() == "a")
          log.push_back({host.status().generation(), envelope});
      }
      all.post(name, std::move(out));
    }
    for (int t = 0; t < 10; ++t, all.now += 10)
      all.deliver();
  }
  CHECK(all.status("a").migrants_accepted() > 0);
  island_host alone{options("a"), rastrigin()};
  alone.set_islands({{"a", 1}, {"b", 1}}); // For what it sends is its state.
  std::size_t next = 0;
  for (std::uint64_t g = 1; g <= 30; ++g) {
    outbox out;
    advance(alone, {}, out);
    // Its neighbour answers.
    for (const auto& sent : out.envelopes) {
      mesh::v1::Envelope reply;
      reply.set_from("b");
      reply.mutable_migrants_reply()->set_number(sent.migrants().number());
      alone.take(reply, {}, out);
    }
    for (; next < log.size() && log[next].generation == g; ++next) {
      outbox ignored;
      alone.take(log[next].what, {}, ignored);
    }
  }
  CHECK(next == log.size());
  CHECK(alone.state().state() == all.hosts.at("a").state().state());
}

TEST_CASE("a restart goes on from the checkpoint, bit by bit") {
  island_host straight{options("a"), rastrigin()};
  outbox out;
  for (int g = 0; g < 10; ++g)
    advance(straight, {}, out);
  // In the middle of a generation: what counts is the end of the last.
  (void)straight.step({}, out);
  const auto bytes = straight.checkpoint_bytes();
  island_host resumed{options("a"), rastrigin()};
  REQUIRE(resumed.resume(bytes, "memory"));
  CHECK(resumed.status().resumed_generation() == 10);
  for (int g = 0; g < 10; ++g) {
    advance(straight, {}, out);
    advance(resumed, {}, out);
  }
  CHECK(resumed.state().state() == straight.state().state());

  auto damaged = bytes;
  damaged[damaged.size() / 3] ^= 4;
  CHECK(resumed.resume(damaged, "memory").failure().code
        == error_code::malformed);
  island_host other{options("a", 1), rastrigin()};
  CHECK(other.resume(bytes, "memory").failure().code == error_code::conflict);
  CHECK(other.status().generation() == 0); // And it can begin anew.
  advance(other, {}, out);
}

TEST_CASE("with another goal the population stays and champions are judged") {
  auto goal = rastrigin();
  island_host host{options("a"), goal};
  outbox out;
  for (int g = 0; g < 20; ++g)
    advance(host, {}, out);
  const auto before = host.best();
  REQUIRE_FALSE(before.genes.empty());
  (void)host.step({}, out);
  host.set_goal(rastrigin(2)); // Its optimum lies elsewhere.
  CHECK(host.best().genes.empty());
  CHECK(host.status().generation() == 20);
  advance(host, {}, out);
  CHECK(host.best().cost > before.cost);
  for (int g = 0; g < 200; ++g)
    advance(host, {}, out);
  CHECK(host.best().cost < before.cost + 5);
}

TEST_SUITE_END();
