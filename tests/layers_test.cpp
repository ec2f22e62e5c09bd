#include "tests/layers.hpp"

#include <fmt/format.h>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("layers");

namespace {

layer_table house() {
  return parse_layers("# the stairs\n"
                      "room scheduling: | fmt\n"
                      "room learning: scheduling | torch fmt\n"
                      "room messages: scheduling | caf\n"
                      "only torch: learning/torch.hpp\n"
                      "never caf chrono: scheduling learning\n")
      .value();
}

using texts = std::vector<std::string>;

texts check(std::string path, std::string_view text) {
  return layer_violations(house(), make_source(std::move(path), text));
}

std::string why(std::string_view text) {
  const auto table = parse_layers(text);
  return table ? "ok" : table.failure().message;
}

} // namespace

TEST_CASE("the tree obeys its table") {
  const auto read = read_sources(repository_root(), {"tests/layers.txt"});
  REQUIRE(read.size() == 1);
  const auto table
      = parse_layers(fmt::format("{}\n", fmt::join(read[0].lines, "\n")));
  REQUIRE_MESSAGE(table, table.failure().message);
  const auto files = read_sources(repository_root(), {".cpp", ".hpp"});
  CHECK(files.size() > 10); // An empty walk would prove nothing.
  for (const auto& file : files)
    for (const auto& violation : layer_violations(table.value(), file))
      FAIL_CHECK(violation);
}

TEST_CASE("own, upper, standard and listed includes are allowed") {
  CHECK(check("learning/net.cpp", "#include \"learning/net.hpp\"\n"
                                  "#include \"scheduling/result.hpp\"\n"
                                  "#include <fmt/format.h>\n"
                                  "#include <vector>\n")
        == texts{});
}

TEST_CASE("an include that climbs the stairs is found with its place") {
  CHECK(check("scheduling/plan.cpp", "#pragma once\n\n"
                                     "  #  include \"learning/net.hpp\"\n")
        == texts{"scheduling/plan.cpp:3: scheduling may not include learning "
                 "(\"learning/net.hpp\")"});
}

TEST_CASE("an include without its room is found") {
  CHECK(check("scheduling/plan.cpp", "#include \"plan.hpp\"\n")
        == texts{"scheduling/plan.cpp:1: \"plan.hpp\" names no room of "
                 "tests/layers.txt"});
}

TEST_CASE("a library that the room has not listed is found") {
  CHECK(check("scheduling/plan.cpp", "#include <zlib.h>\n")
        == texts{"scheduling/plan.cpp:1: scheduling may not include zlib "
                 "(<zlib.h>)"});
}

TEST_CASE("torch enters through its one header") {
  CHECK(check("learning/torch.hpp", "#include <torch/torch.h>\n") == texts{});
  CHECK(check("learning/net.cpp", "#include <torch/torch.h>\n")
        == texts{"learning/net.cpp:1: <torch/torch.h> may be included by "
                 "learning/torch.hpp only"});
}

TEST_CASE("what never enters a room is found, standard headers too") {
  CHECK(check("messages/types.cpp", "#include <caf/all.hpp>\n") == texts{});
  CHECK(check("learning/net.cpp", "#include <caf/all.hpp>\n"
                                  "#include <chrono>\n")
        == texts{"learning/net.cpp:1: <caf/all.hpp> is never for learning",
                 "learning/net.cpp:2: <chrono> is never for learning"});
}

TEST_CASE("a room missing from the table is found") {
  CHECK(check("attic/box.hpp", "")
        == texts{"attic/box.hpp:1: no room attic in tests/layers.txt"});
  CHECK(check("main.cpp", "")
        == texts{"main.cpp:1: no room for the root in tests/layers.txt"});
}

TEST_CASE("a table that would mislead is refused") {
  CHECK(why("room a: b |\nroom b: |\n")
        == "tests/layers.txt:1: a uses b, which is not above it");
  CHECK(why("room a: |\n\nroom a: |\n")
        == "tests/layers.txt:3: a has two lines");
  CHECK(why("rooms\n")
        == "tests/layers.txt:1: expected 'room|only|never NAME: ...'");
  CHECK(why("often torch: a\n") == "tests/layers.txt:1: unknown rule often");
}
