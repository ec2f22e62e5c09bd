#include "cli/report.hpp"

#include <optional>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("cli/report");

TEST_CASE("a figure that a seed lacks has no mean") {
  // Squares 4 + 1 + 9 = 14, over n - 1 = 2; the root of 7.
  CHECK(mean_cell(figures{1, 2, 6}) == "3.00 (2.65)");
  CHECK(mean_cell(figures{1, std::nullopt, 6}) == "-");
  CHECK(mean_cell(figures{1.5}, 1) == "1.5");
}

TEST_CASE("differences are paired by seed") {
  // 1, 1, 1: the seeds vary much more than the policies do.
  CHECK(difference_cell(figures{2, 11, 101}, figures{1, 10, 100})
        == "+1.00 +-0.00");
  CHECK(difference_cell(figures{2, 11, std::nullopt}, figures{1, 10, 100})
        == "-");
}

TEST_CASE("columns are as wide as their widest cell") {
  text_table table{{"policy", "at 95"}};
  table.add({"f", "1"});
  CHECK(table.text() == "policy  at 95\nf           1\n");
}

TEST_CASE("one run is an object, several are an array") {
  CHECK(json_text({json{{"b", 1}, {"a", 2}}})
        == "{\n  \"b\": 1,\n  \"a\": 2\n}\n");
  CHECK(json::parse(json_text({json{{"a", 1}}, json{{"a", 2}}})).size() == 2);
}

TEST_SUITE_END();
