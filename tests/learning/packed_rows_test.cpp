#include "learning/packed_rows.hpp"
#include "scheduling/rng.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("learning/packed_rows");

namespace {

using row = std::array<float, 31>;

std::string packed(const std::vector<row>& rows) {
  std::string out;
  row_packer packer;
  for (const auto& each : rows)
    packer.add(each, out);
  return out;
}

} // namespace

TEST_CASE("rows come back within half a step") {
  rng random{5};
  std::vector<row> rows(16);
  for (auto& each : rows)
    for (auto& value : each)
      value = random.below(3) == 0
                  ? static_cast<float>(random.uniform() * 7.9 - 3.95)
                  : static_cast<float>(random.below(2));
  const auto bytes = packed(rows);
  row_unpacker from{bytes};
  for (const auto& expected : rows) {
    row read;
    REQUIRE(from.next(read));
    for (std::size_t column = 0; column < expected.size(); ++column)
      CHECK(std::abs(read[column] - expected[column]) <= 0.5F / 8192);
  }
  CHECK(from.at_end());
}

TEST_CASE("what has been read is written as the same bytes") {
  const std::string bytes = packed({row{1, 0.3F, -2}, row{1, 0.1F}});
  std::vector<row> rows(2);
  row_unpacker from{bytes};
  REQUIRE(from.next(rows[0]));
  REQUIRE(from.next(rows[1]));
  CHECK(packed(rows) == bytes);
}

TEST_CASE("a row costs its mask and what differs from the row before") {
  // 4 + 3 values, then 4 + 0, then 4 + 1.
  CHECK(packed({row{1, 2, 3}, row{1, 2, 3}, row{1, 2, 3, 1}}).size()
        == 10 + 4 + 6);
}

TEST_CASE("what cannot be written becomes the nearest, NaN becomes 0") {
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  const auto bytes = packed(
      {row{100, -infinity, std::numeric_limits<float>::quiet_NaN(), 4}});
  row read;
  REQUIRE(row_unpacker{bytes}.next(read));
  CHECK(read[0] == 32767.0F / 8192);
  CHECK(read[1] == -4);
  CHECK(read[2] == 0);
  CHECK(read[3] == 32767.0F / 8192);
}

TEST_CASE("whatever the bytes, reading stays within them") {
  rng random{8};
  for (int trial = 0; trial < 10'000; ++trial) {
    std::string bytes(random.below(40), '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random.below(256) & random.below(256));
    row_unpacker from{bytes};
    row read;
    while (!from.at_end() && from.next(read))
      for (const auto value : read)
        CHECK(std::abs(value) <= 4);
  }
  // A mask of 32 columns is not for a row of 31.
  row read;
  CHECK_FALSE(row_unpacker{std::string(68, '\xff')}.next(read));
}

TEST_SUITE_END();
