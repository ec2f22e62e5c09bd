#include "config/document.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("config/document");

namespace {

const document_value& at(const document_value& table, std::string_view key) {
  for (const auto& [name, value] : std::get<document_value::table>(table.value))
    if (name.name == key)
      return value;
  FAIL("no such key");
  return table;
}

void check_refused(const result<document_value>& parsed,
                   std::string_view message) {
  REQUIRE(!parsed);
  CHECK(parsed.failure().code == error_code::malformed);
  CAPTURE(parsed.failure().message);
  CHECK(parsed.failure().message.starts_with(message));
}

} // namespace

TEST_CASE("values of TOML know their places") {
  const auto parsed
      = parse_toml("a = 1\n[b]\nc = [true, 1.5]\nd = \"x\"\n", "f");
  REQUIRE(parsed);
  CHECK(std::get<std::int64_t>(at(*parsed, "a").value) == 1);
  const auto& c = at(at(*parsed, "b"), "c");
  CHECK(c.at.line == 3);
  CHECK(c.at.column == 5);
  const auto& items = std::get<document_value::array>(c.value);
  CHECK(std::get<bool>(items[0].value));
  CHECK(items[1].at.column == 12);
  CHECK(std::get<double>(items[1].value) == 1.5);
}

TEST_CASE("a text that is not TOML names the place") {
  check_refused(parse_toml("a = 1\nb = = 2\n", "f.toml"), "f.toml:2:5: ");
  check_refused(parse_toml("a = 1\na = 2\n", "f.toml"), "f.toml:2:");
}

TEST_CASE("values of JSON know their places") {
  const auto parsed = parse_json(
      "{\"a\": -12,\n \"b\": [null, {\"c\": \"x\\u00e9\\n\"}], \"d\": 1.5e3}",
      "f");
  REQUIRE(parsed);
  CHECK(std::get<std::int64_t>(at(*parsed, "a").value) == -12);
  const auto& b = at(*parsed, "b");
  CHECK(b.at.line == 2);
  CHECK(b.at.column == 7);
  const auto& items = std::get<document_value::array>(b.value);
  CHECK(items[0].kind() == "null");
  CHECK(std::get<std::string>(at(items[1], "c").value) == "x\xc3\xa9\n");
  CHECK(std::get<double>(at(*parsed, "d").value) == 1500);
}

TEST_CASE("characters beyond the first plane come as surrogate pairs") {
  const auto parsed = parse_json(R"(["\ud83d\ude00"])", "f");
  REQUIRE(parsed);
  CHECK(std::get<std::string>(
            std::get<document_value::array>(parsed->value)[0].value)
        == "\xf0\x9f\x98\x80");
}

TEST_CASE("a text that is not JSON names the place") {
  check_refused(parse_json("", "f"), "f:1:1: wanted is a value");
  check_refused(parse_json("{\"a\": 1,\n}", "f"), "f:2:1: wanted is a key");
  check_refused(parse_json("{\"a\" 1}", "f"), "f:1:6: wanted is ':'");
  check_refused(parse_json("[1 2]", "f"), "f:1:4: wanted is ',' or ']'");
  check_refused(parse_json("{} {}", "f"), "f:1:4: text after the end");
  check_refused(parse_json("{\"a\": 1, \"a\": 2}", "f"),
                "f:1:13: \"a\" is given twice");
  check_refused(parse_json("[01]", "f"), "f:1:2: a number does not begin");
  check_refused(parse_json("[1.]", "f"), "f:1:2: not a number");
  check_refused(parse_json("[-]", "f"), "f:1:2: wanted is a value");
  check_refused(parse_json("[9223372036854775808]", "f"),
                "f:1:2: a number out of range");
  check_refused(parse_json("[1e999]", "f"), "f:1:2: not a number");
  check_refused(parse_json("\"a", "f"), "f:1:3: a string without its end");
  check_refused(parse_json("\"\\x\"", "f"), "f:1:3: an unknown escape");
  check_refused(parse_json("\"\\ud83d\"", "f"), "f:1:8: half of a surrogate");
  check_refused(parse_json("\"a\nb\"", "f"), "f:1:3: a control character");
  check_refused(parse_json("nul", "f"), "f:1:1: wanted is a value");
}

TEST_CASE("JSON of any depth ends, at worst as refused") {
  check_refused(parse_json(std::string(100'000, '['), "f"),
                "f:1:34: nested too deeply");
}

TEST_SUITE_END();
