// ROSTER in virtual time: servers dial, greet, die, come back as others and are
// given up, over wires that lose, double, delay and reorder.
//
// A failure prints its seed. To repeat one, or to search for longer:
//   SKERRY_SIM_SEED=42 actors_tests --test-suite=actors/roster_sim
//   SKERRY_SIM_SEEDS=100000 actors_tests --test-suite=actors/roster_sim
#include "actors/roster.hpp"
#include "scheduling/rng.hpp"
#include "tests/actors/sim_clock.hpp"
#include "tests/actors/sim_seeds.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/roster_sim");

namespace {

constexpr std::size_t servers = 4;
constexpr std::int64_t beat_milliseconds = 500;
constexpr std::int64_t rough_milliseconds = 60'000;
/// The longest pause between dials, a silence, and an exchange after it.
constexpr std::int64_t calm_milliseconds = 20'000;
constexpr std::int64_t greeting_milliseconds = 2'000;

/// Faults around ROSTER that must be noticed.
enum class roster_fault : std::uint8_t {
  none,
  epochs_unread,  ///< Every hello claims the latest epoch of its server.
  silence_unread, ///< Who says nothing is kept as reachable.
  word_unspread,  ///< Hellos do not say whom the operator gave up.
  dials_at_once,  ///< A failed dial is taken for one that was never made.
};
constexpr std::size_t roster_faults = 5;

struct broken_promise {
  std::string what;
};

/// One server, through all its lives.
struct roster_host {
  std::unique_ptr<roster> known; ///< Nothing while it is down.
  std::uint64_t epoch = 0;
  std::map<std::uint64_t, std::uint64_t> incarnations; ///< By epoch.
  // What it has on disk.
  std::map<std::string, std::uint64_t> forgotten;
  std::set<std::string> remembered; ///< Addresses.
  // Of this life.
  std::map<std::string, std::uint64_t> latest; ///< Epochs heard, by name.
  std::map<std::string, std::int64_t> dialed_at;
};

class roster_world {
public:
  roster_world(std::uint64_t seed, roster_fault fault)
      : random_{seed}, fault_{fault} {}

  /// @throws broken_promise
  void play() {
    for (std::size_t i = 0; i < servers; ++i)
      clock_.at(between(0, 3'000), [this, i] { start(i); });
    for (std::int64_t at = 1'000; at < rough_milliseconds;
         at += between(200, 3'000))
      clock_.at(at, [this] { cause_trouble(); });
    run_until(rough_milliseconds);
    calm_ = true;
    cuts_.clear();
    for (std::size_t i = 0; i + 1 < servers; ++i)
      if (!hosts_[i].known)
        start(i); // The last may stay as it is.
    run_until(rough_milliseconds + calm_milliseconds);
    check_converged();
  }

  std::uint64_t lives = 0;
  std::uint64_t given_up = 0;
  std::uint64_t events = 0;

private:
  static std::string name_of(std::size_t i) { return fmt::format("s{}", i); }
  static std::string address_of(std::size_t i) {
    return fmt::format("127.0.0.1:{}", 7000 + i);
  }
  static std::size_t at_address(const std::string& address) {
    return static_cast<std::size_t>(split_address(address)->port - 7000);
  }
  static std::size_t index_of(const std::string& name) {
    return static_cast<std::size_t>(name.back() - '0');
  }

  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least
           + static_cast<std::int64_t>(
               random_.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }

  void run_until(std::int64_t time) {
    bool over = false;
    clock_.at(time, [&over] { over = true; });
    while (!over && clock_.step()) {
      ++events;
      check_promises();
    }
  }

  // -- lives ------------------------------------------------------------------

  void start(std::size_t i) {
    auto& host = hosts_[i];
    if (host.known)
      return;
    ++lives;
    ++host.epoch;
    host.incarnations[host.epoch] = random_.bits();
    host.latest.clear();
    host.dialed_at.clear();
    // One seed address is enough to find all.
    std::vector<std::string> seeds{address_of(0), address_of(1)};
    seeds.insert(seeds.end(), host.remembered.begin(), host.remembered.end());
    host.known
        = std::make_unique<roster>(roster_options{.name = name_of(i),
                                                  .epoch = host.epoch,
                                                  .own_address = address_of(i)},
                                   seeds);
    for (const auto& [name, epoch] : host.forgotten)
      host.known->forget(name, epoch);
    beat(i, host.epoch);
  }

  void die(std::size_t i) {
    hosts_[i].known.reset();
    for (std::size_t other = 0; other < servers; ++other)
      if (chance(70)) // Otherwise only silence tells.
        clock_.after(between(1, 50), [this, i, other] {
          if (hosts_[other].known)
            hosts_[other].known->disconnected(name_of(i), clock_.now());
        });
  }

  void cause_trouble() {
    const auto i = static_cast<std::size_t>(random_.below(servers));
    const auto kind = random_.below(4);
    if (kind == 0) {
      if (hosts_[i].known)
        die(i);
    } else if (kind == 1) {
      start(i);
    } else if (kind == 2) {
      const auto other = static_cast<std::size_t>(random_.below(servers));
      cuts_[std::minmax(i, other)] = clock_.now() + between(100, 10'000);
    } else {
      give_up(i);
    }
  }

  /// The operator, at any other server that does not reach this one.
  void give_up(std::size_t i) {
    if (hosts_[i].known || hosts_[i].epoch == 0)
      return;
    ++given_up;
    for (std::size_t other = 0; other < servers; ++other) {
      auto& host = hosts_[other];
      if (!host.known || chance(30) || reaches(host, i))
        continue;
      take_word(other, name_of(i), hosts_[i].epoch);
    }
  }

  void take_word(std::size_t i, const std::string& name, std::uint64_t epoch) {
    auto& host = hosts_[i];
    host.known->forget(name, epoch);
    auto& gone = host.forgotten[name];
    gone = std::max(gone, epoch);
    auto& word = given_up_[{i, name}];
    word = std::max(word, epoch);
    host.remembered.erase(address_of(index_of(name)));
  }

  static bool reaches(const roster_host& host, std::size_t i) {
    return std::ranges::any_of(host.known->peers(0), [&](const peer& one) {
      return one.name == name_of(i) && one.reachable;
    });
  }

  // -- the protocol, as the mesh plays it -------------------------------------

  bool is_cut(std::size_t a, std::size_t b) {
    const auto found = cuts_.find(std::minmax(a, b));
    return found != cuts_.end() && clock_.now() < found->second;
  }

  bool lives_on(std::size_t i, std::uint64_t epoch) const {
    return hosts_[i].known && hosts_[i].epoch == epoch;
  }

  void beat(std::size_t i, std::uint64_t epoch) {
    if (!lives_on(i, epoch))
      return;
    auto& known = *hosts_[i].known;
    const auto now = clock_.now();
    for (const auto& address : known.to_dial(now))
      dial(i, address);
    if (fault_ != roster_fault::silence_unread)
      for (const auto& name : known.silent(now))
        known.disconnected(name, now);
    for (const auto& one : known.peers(now))
      if (one.reachable)
        greet(i, index_of(one.name), one.mesh_address);
    clock_.after(beat_milliseconds, [=, this] { beat(i, epoch); });
  }

  void dial(std::size_t i, const std::string& address) {
    auto& host = hosts_[i];
    const auto [last, is_first]
        = host.dialed_at.try_emplace(address, clock_.now());
    if (!is_first) {
      constexpr std::int64_t least_pause = 200;
      if (clock_.now() - last->second < least_pause)
        throw broken_promise{fmt::format("{} dials {} {} ms after the last "
                                         "time",
                                         name_of(i), address,
                                         clock_.now() - last->second)};
      last->second = clock_.now();
    }
    const auto to = at_address(address);
    if (to < servers && hosts_[to].known && !is_cut(i, to))
      return greet(i, to, address);
    failed(i, address);
  }

  void failed(std::size_t i, const std::string& address) {
    const auto epoch = hosts_[i].epoch;
    clock_.after(between(1, 300), [=, this] {
      if (!lives_on(i, epoch))
        return;
      if (fault_ == roster_fault::dials_at_once)
        for (const auto& again : hosts_[i].known->to_dial(clock_.now() + 3'000))
          dial(i, again);
      hosts_[i].known->dial_failed(address, clock_.now());
    });
  }

  mesh::v1::ServerHello hello_of(std::size_t i) const {
    mesh::v1::ServerHello hello;
    const auto& host = hosts_[i];
    hello.set_name(name_of(i));
    hello.set_incarnation(host.incarnations.at(host.epoch));
    hello.set_epoch(host.epoch);
    hello.set_schema(1);
    hello.set_mesh_address(address_of(i));
    for (const auto& one : host.known->peers(0))
      hello.add_known_addresses(one.mesh_address);
    for (const auto& [name, epoch] : host.known->forgotten()) {
      if (fault_ == roster_fault::word_unspread)
        break;
      auto& gone = *hello.add_forgotten();
      gone.set_name(name);
      gone.set_epoch(epoch);
    }
    return hello;
  }

  /// A request and its answer, each lost, doubled or late on its own.
  void greet(std::size_t from, std::size_t to, const std::string& address) {
    const auto epoch = hosts_[from].epoch;
    const auto answered = std::make_shared<bool>(false);
    transmit(from, to, [=, this, hello = hello_of(from)] {
      if (!hosts_[to].known)
        return;
      meet(to, hello, {});
      if (!hosts_[to].known) // It has heard that it was given up.
        return;
      transmit(to, from, [=, this, answer = hello_of(to)] {
        *answered = true;
        if (lives_on(from, epoch))
          meet(from, answer, address);
      });
    });
    clock_.after(greeting_milliseconds, [=, this] {
      if (!*answered && lives_on(from, epoch))
        hosts_[from].known->dial_failed(address, clock_.now());
    });
  }

  void transmit(std::size_t from, std::size_t to, std::function<void()> what) {
    const auto copies = calm_ ? 1 : chance(10) ? 0 : chance(10) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      const auto late = !calm_ && chance(5);
      clock_.after(between(1, late ? 8'000 : 100), [=, this] {
        if (!is_cut(from, to))
          what();
      });
    }
  }

  void meet(std::size_t i, mesh::v1::ServerHello hello,
            const std::string& address) {
    auto& host = hosts_[i];
    for (const auto& [name, epoch] : host.known->learn_forgotten(hello)) {
      if (name == name_of(i)) {
        die(i); // To come back in a later epoch.
        clock_.after(between(100, 2'000), [this, i] { start(i); });
        return;
      }
      take_word(i, name, epoch);
      host.known->disconnected(name, clock_.now());
    }
    if (fault_ == roster_fault::epochs_unread)
      hello.set_epoch(hosts_[index_of(hello.name())].epoch);
    if (host.known->heard(hello, address, clock_.now())
        == roster_verdict::refused)
      return;
    if (host.known->forgotten().count(hello.name()) == 0)
      host.forgotten.erase(hello.name());
    host.remembered.insert(hello.mesh_address());
    host.known->connected(hello.name(), clock_.now());
  }

  // -- promises ---------------------------------------------------------------

  void check_promises() {
    for (std::size_t i = 0; i < servers; ++i) {
      auto& host = hosts_[i];
      if (!host.known)
        continue;
      for (const auto& one : host.known->peers(clock_.now()))
        check_peer(i, host, one);
    }
  }

  void check_peer(std::size_t i, roster_host& host, const peer& one) {
    const auto fail = [&](std::string_view why) {
      throw broken_promise{fmt::format("at {} ms {} takes {} of epoch {} {}",
                                       clock_.now(), name_of(i), one.name,
                                       one.epoch, why)};
    };
    if (one.name == name_of(i))
      fail("for another server");
    const auto& real = hosts_[index_of(one.name)];
    const auto life = real.incarnations.find(one.epoch);
    if (life == real.incarnations.end() || life->second != one.incarnation)
      fail("for another life of it");
    auto& latest = host.latest[one.name];
    if (one.epoch < latest)
      fail("after a later one");
    latest = one.epoch;
    const auto gone = given_up_.find({i, one.name});
    if (gone != given_up_.end() && one.epoch <= gone->second)
      fail("though it was given up");
  }

  void check_converged() {
    for (std::size_t i = 0; i < servers; ++i) {
      if (!hosts_[i].known)
        continue;
      std::map<std::string, peer> seen;
      for (const auto& one : hosts_[i].known->peers(clock_.now()))
        seen.emplace(one.name, one);
      for (std::size_t other = 0; other < servers; ++other) {
        if (other == i)
          continue;
        const auto& real = hosts_[other];
        const auto found = seen.find(name_of(other));
        const auto reached = found != seen.end() && found->second.reachable;
        const auto fail = [&](std::string_view how) {
          throw broken_promise{fmt::format("after all is calm {} {} {}",
                                           name_of(i), how, name_of(other))};
        };
        if (real.known && !reached)
          fail("does not reach");
        if (real.known && found->second.epoch != real.epoch)
          fail("knows an earlier life of");
        if (!real.known && reached)
          fail("believes it reaches the dead");
        for (const auto& [name, epoch] : real.forgotten)
          if (real.known && !has_heard_of(i, name, epoch))
            fail(fmt::format("has not heard that {} is given up from", name));
      }
    }
  }

  /// That a server was given up in this epoch, or lives in a later one.
  bool has_heard_of(std::size_t i, const std::string& name,
                    std::uint64_t epoch) const {
    const auto& host = hosts_[i];
    const auto word = host.forgotten.find(name);
    const auto heard = host.latest.find(name);
    return name == name_of(i)
           || (word != host.forgotten.end() && word->second >= epoch)
           || (heard != host.latest.end() && heard->second > epoch);
  }

  sim_clock clock_;
  rng random_;
  roster_fault fault_;
  bool calm_ = false;
  std::array<roster_host, servers> hosts_;
  std::map<std::pair<std::size_t, std::size_t>, std::int64_t> cuts_; ///< Until.
  /// What the operator has told a server, in any of its lives.
  std::map<std::pair<std::size_t, std::string>, std::uint64_t> given_up_;
};

/// @returns The broken promise, empty when all were kept.
std::string play(std::uint64_t seed, roster_fault fault,
                 std::map<std::string, std::uint64_t>& sums) {
  roster_world world{seed, fault};
  std::string broken;
  try {
    world.play();
  } catch (const broken_promise& promise) {
    broken = promise.what;
  }
  sums["lives"] += world.lives;
  sums["given up"] += world.given_up;
  sums["events"] += world.events;
  return broken;
}

} // namespace

TEST_CASE("whatever the wires do, servers know who lives") {
  const auto seeds = seeds_to_play(200);
  std::map<std::string, std::uint64_t> sums;
  for (auto seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    const auto broken = play(seed, roster_fault::none, sums);
    CHECK_MESSAGE(broken.empty(), "SKERRY_SIM_SEED=", seed, ": ", broken);
  }
  MESSAGE(fmt::format("{} seeds: {} events, {} lives, {} given up", seeds.count,
                      sums["events"], sums["lives"], sums["given up"]));
  if (seeds.count > 100) { // As rough as it is meant to be.
    CHECK(sums["lives"] > seeds.count * servers);
    CHECK(sums["given up"] > seeds.count / 10);
  }
}

TEST_CASE("a roster on broken foundations is noticed") {
  constexpr std::uint64_t most = 300;
  std::map<std::string, std::uint64_t> sums;
  for (std::size_t fault = 1; fault < roster_faults; ++fault) {
    std::string found;
    std::uint64_t seed = 1;
    for (; seed <= most && found.empty(); ++seed)
      found = play(seed, static_cast<roster_fault>(fault), sums);
    CHECK_MESSAGE(!found.empty(), "fault ", fault);
    MESSAGE(fmt::format("fault {}: {} seeds: {}", fault, seed - 1, found));
  }
}

TEST_SUITE_END();
