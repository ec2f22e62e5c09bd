#include "scheduling/explanation.hpp"
#include "scheduling/ledger.hpp"
#include "scheduling/placement_policy.hpp"
#include "scheduling/spread.hpp"

#include <fmt/format.h>

#include <array>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;

TEST_SUITE_BEGIN("scheduling/spread");

namespace {

/// Nodes 0 and 1 in zone x, node 2 in zone y, node 3 in none.
struct fixture {
  fixture() {
    const std::array<std::vector<label>, 4> labels{
        {{{"zone", "x"}}, {{"zone", "x"}}, {{"zone", "y"}}, {}}};
    for (std::size_t n = 0; n < labels.size(); ++n)
      REQUIRE(nodes.add_node({.name = fmt::format("n{}", n),
                              .capacity = {8_cores, 8_GiB},
                              .labels = labels[n]}));
  }

  shape_id web(std::string topology, std::uint32_t max_skew = 1) {
    return *nodes.intern({.demand = {1_cores, 1_GiB},
                          .groups = {"web"},
                          .spread = {{.group = "web",
                                      .topology = std::move(topology),
                                      .max_skew = max_skew}}});
  }

  std::string allowed(shape_id shape) {
    const spread_filter filter{nodes, nodes.shape(shape)};
    std::string out;
    for (std::size_t n = 0; n < nodes.size(); ++n)
      out += filter.allows(static_cast<node_index>(n)) ? '+' : '-';
    return out;
  }

  cluster nodes;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "domains are the values of a label") {
  const auto shape = web("zone");
  CHECK(allowed(shape) == "+++-"); // Node 3 is in no zone.
  REQUIRE(nodes.take(node_index{0}, shape, 0));
  CHECK(allowed(shape) == "--+-"); // One more in x would be 2 against 0.
  REQUIRE(nodes.take(node_index{2}, shape, 0));
  CHECK(allowed(shape) == "+++-");
}

TEST_CASE_FIXTURE(fixture, "without a label every node is a domain") {
  const auto shape = web("", 2);
  REQUIRE(nodes.take(node_index{1}, shape, 0));
  CHECK(allowed(shape) == "++++");
  REQUIRE(nodes.take(node_index{1}, shape, 0));
  CHECK(allowed(shape) == "+-++");
}

TEST_CASE_FIXTURE(fixture, "a policy keeps to it") {
  const auto shape = web("zone");
  const auto policy = *make_policy("first-fit", nodes, {});
  std::string order;
  for (int i = 0; i < 4; ++i) {
    const auto chosen = policy->choose(shape);
    REQUIRE(chosen);
    REQUIRE(nodes.take(chosen->node, shape, 0));
    order += std::to_string(index_of(chosen->node));
  }
  CHECK(order == "0202"); // Zones x and y in turn.
}

TEST_CASE("the ledger refuses what would spread a group too unevenly") {
  ledger book{1};
  for (const auto* zone : {"x", "x", "y"})
    REQUIRE(book.register_node({.name = fmt::format("n{}", book.nodes().size()),
                                .capacity = {8_cores, 8_GiB},
                                .labels = {{"zone", zone}}},
                               1));
  const auto web = *book.intern(
      {.shape = {.groups = {"web"},
                 .spread = {{.group = "web", .topology = "zone"}}}});
  const auto first = *book.submit("first", web);
  const auto second = *book.submit("second", web);
  REQUIRE(book.place(first, node_index{0}, 0));
  CHECK(book.place(second, node_index{1}, 0).failure().message
        == "task second: spread too uneven");
  const auto why
      = explain(book.nodes(), book.nodes().shape(book.profile(web).shape));
  CHECK(why.text == "fits 1 of 3 nodes now: 2 nodes: spread too uneven");
  // A move takes the task away from where it counts now.
  CHECK(book.move(first, node_index{1}, 0));
  CHECK(book.move(first, node_index{2}, 0));
  CHECK(book.check_invariants());
}

TEST_SUITE_END();
