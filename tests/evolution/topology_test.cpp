#include "evolution/topology.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("evolution/topology");

namespace {

using islands = std::vector<std::size_t>;

islands to(topology_kind kind, std::size_t count, std::size_t island) {
  return receivers({.kind = kind}, count, island);
}

} // namespace

TEST_CASE("a ring sends to the next") {
  CHECK(to(topology_kind::ring, 5, 0) == islands{1});
  CHECK(to(topology_kind::ring, 5, 4) == islands{0});
}

TEST_CASE("a torus sends right and down") {
  // 0 1 2 3
  // 4 5 6 7
  // 8 9 ...
  CHECK(to(topology_kind::torus, 12, 0) == islands{1, 4});
  CHECK(to(topology_kind::torus, 12, 7) == islands{4, 11});
  CHECK(to(topology_kind::torus, 12, 11) == islands{3, 8});
  CHECK(to(topology_kind::torus, 4, 3) == islands{1, 2});
  CHECK(to(topology_kind::torus, 5, 4) == islands{0}); // One row.
}

TEST_CASE("full sends to all others, isolated to none") {
  CHECK(to(topology_kind::full, 4, 2) == islands{0, 1, 3});
  CHECK(to(topology_kind::isolated, 4, 2) == islands{});
}

TEST_CASE("random draws others once, by seed") {
  std::set<islands> drawn;
  for (std::size_t island = 0; island < 8; ++island) {
    const topology of{.kind = topology_kind::random, .degree = 3, .seed = 9};
    const auto out = receivers(of, 8, island);
    CHECK(out.size() == 3);
    CHECK(std::ranges::is_sorted(out));
    CHECK(std::ranges::count(out, island) == 0);
    CHECK(out == receivers(of, 8, island));
    drawn.insert(out);
  }
  CHECK(drawn.size() > 4); // Not the same for all.
  const topology wide{.kind = topology_kind::random, .degree = 9};
  CHECK(receivers(wide, 3, 1) == islands{0, 2});
}

TEST_CASE("no island sends to itself, however few there are") {
  for (const auto kind :
       {topology_kind::isolated, topology_kind::ring, topology_kind::torus,
        topology_kind::full, topology_kind::random}) {
    CHECK(to(kind, 1, 0).empty());
    if (kind != topology_kind::isolated)
      CHECK(to(kind, 2, 1) == islands{0});
  }
}

TEST_CASE("everything that one island finds can reach all others") {
  for (const auto kind :
       {topology_kind::ring, topology_kind::torus, topology_kind::full})
    for (std::size_t count = 1; count <= 20; ++count) {
      std::set<std::size_t> reached{0};
      for (std::size_t hop = 0; hop < count; ++hop)
        for (const auto island : std::set{reached})
          for (const auto next : to(kind, count, island))
            reached.insert(next);
      CHECK(reached.size() == count);
    }
}

TEST_CASE("names are read and written alike") {
  for (const auto* name : {"isolated", "ring", "torus", "full", "random:5"})
    CHECK(to_string(*parse_topology(name)) == name);
  CHECK(parse_topology("random")->degree == 2);
  CHECK(parse_topology("star").failure().message
        == "no topology is called \"star\" (known: isolated, ring, torus, "
           "full, random, random:N with N in 1 to 64)");
  for (const auto* name :
       {"", "ring:2", "random:", "random:0", "random:65", "random:2x"})
    CHECK_FALSE(parse_topology(name));
}

TEST_SUITE_END();
