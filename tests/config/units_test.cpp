#include "config/units.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("config/units");

namespace {

using parser = result<std::int64_t> (*)(std::string_view);

void check_reads(
    parser parse,
    const std::vector<std::pair<std::string_view, std::int64_t>>& cases) {
  for (const auto& [text, amount] : cases) {
    CAPTURE(text);
    const auto parsed = parse(text);
    REQUIRE(parsed);
    CHECK(*parsed == amount);
  }
}

void check_refuses(parser parse, const std::vector<std::string_view>& cases) {
  for (const auto text : cases) {
    CAPTURE(text);
    const auto parsed = parse(text);
    REQUIRE(!parsed);
    CHECK(parsed.failure().code == error_code::invalid_argument);
    CHECK(parsed.failure().message.find(std::string{text})
          != std::string::npos);
  }
}

} // namespace

TEST_CASE("cores are read exactly, as numbers or as thousandths") {
  check_reads(parse_cpu_millicores, {{"2", 2000},
                                     {"1.5", 1500},
                                     {"500m", 500},
                                     {"0", 0},
                                     {"0.001", 1},
                                     {" 4 ", 4000}});
  check_refuses(parse_cpu_millicores,
                {"", "-1", "1.0001", "0.5m", "two", "1 core", "1e3", ".5", "5.",
                 "9223372036854775807"});
}

TEST_CASE("bytes take units of 1000 and of 1024") {
  check_reads(parse_bytes, {{"1000", 1000},
                            {"4GiB", std::int64_t{4} << 30},
                            {"4Gi", std::int64_t{4} << 30},
                            {"512 MiB", std::int64_t{512} << 20},
                            {"1.5kB", 1500},
                            {"1.5KiB", 1536},
                            {"2T", 2'000'000'000'000}});
  check_refuses(parse_bytes, {"4gib", "1.5", "4 G B", "-4G", "8192PiB", "G"});
}

TEST_CASE("bits per second take units of 1000") {
  check_reads(parse_bits_per_second,
              {{"10Gbps", 10'000'000'000}, {"100M", 100'000'000}, {"7", 7}});
  check_refuses(parse_bits_per_second, {"10GB", "fast"});
}

TEST_CASE("durations need their units, in descending order") {
  check_reads(parse_milliseconds, {{"250ms", 250},
                                   {"30s", 30'000},
                                   {"1.5s", 1500},
                                   {"1h30m", 5'400'000},
                                   {"2d", 172'800'000},
                                   {"1m500ms", 60'500},
                                   {"0", 0}});
  check_refuses(parse_milliseconds, {"30", "s", "30s1h", "1s1s", "0.5ms", "-1s",
                                     "1h 30m", "1y", "9223372036854775807d"});
}

TEST_CASE("what is shown can be read again") {
  for (const std::int64_t amount :
       {0L, 1L, 999L, 1000L, 1500L, 60'000L, 90'500L, 5'400'000L, 86'400'001L})
    CHECK(*parse_milliseconds(milliseconds_text(amount)) == amount);
  for (const std::int64_t amount : {0L, 1L, 500L, 1000L, 1250L, 64'000L})
    CHECK(*parse_cpu_millicores(cpu_text(amount)) == amount);
  for (const std::int64_t amount : {0L, 500L, 1000L, 12'345L})
    CHECK(*parse_milli(milli_text(amount)) == amount);
}

TEST_CASE("amounts are shown in the unit that reads best") {
  CHECK(cpu_text(500) == "500m");
  CHECK(cpu_text(1500) == "1.5");
  CHECK(cpu_text(16'000) == "16");
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1536) == "1.5 KiB");
  CHECK(bytes_text(std::int64_t{4} << 30) == "4 GiB");
  CHECK(bits_per_second_text(10'000'000'000) == "10 Gbps");
  CHECK(milliseconds_text(5'400'000) == "1h30m");
  CHECK(milliseconds_text(2500) == "2.5s");
  CHECK(age_text(40'000) == "40s");
  CHECK(age_text(119'000) == "119s");
  CHECK(age_text(3'600'000) == "60m");
  CHECK(age_text(172'800'000) == "2d");
  CHECK(age_text(-5) == "0s");
}

TEST_SUITE_END();
