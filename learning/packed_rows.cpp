#include "learning/packed_rows.hpp"

#include "scheduling/assert.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace skerry {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr float scale = 8192;

std::int16_t packed(float value) {
  if (std::isnan(value))
    return 0;
  return static_cast<std::int16_t>(
      std::lrint(std::clamp(value * scale, -32768.0F, 32767.0F)));
}

} // namespace

void row_packer::add(std::span<const float> row, std::string& to) {
  SKERRY_ASSERT(row.size() <= max_packed_columns);
  std::uint32_t mask = 0;
  std::array<std::int16_t, max_packed_columns> changed{};
  std::size_t count = 0;
  for (std::size_t column = 0; column < row.size(); ++column) {
    const auto value = packed(row[column]);
    if (value == last_[column])
      continue;
    mask |= std::uint32_t{1} << column;
    changed[count++] = last_[column] = value;
  }
  std::array<char, sizeof mask + sizeof changed> bytes{};
  std::memcpy(bytes.data(), &mask, sizeof mask);
  std::memcpy(bytes.data() + sizeof mask, changed.data(),
              count * sizeof changed[0]);
  to.append(bytes.data(), sizeof mask + count * sizeof changed[0]);
}

bool row_unpacker::next(std::span<float> row) {
  std::uint32_t mask = 0;
  if (rest_.size() < sizeof mask)
    return false;
  std::memcpy(&mask, rest_.data(), sizeof mask);
  const auto values = static_cast<std::size_t>(std::popcount(mask));
  if (static_cast<std::size_t>(std::bit_width(mask)) > row.size()
      || rest_.size() < sizeof mask + values * sizeof(std::int16_t))
    return false;
  const auto* at = rest_.data() + sizeof mask;
  for (; mask != 0; mask &= mask - 1) {
    std::int16_t value = 0;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    last_[static_cast<std::size_t>(std::countr_zero(mask))]
        = static_cast<float>(value) / scale;
  }
  std::copy_n(last_.begin(), row.size(), row.begin());
  rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
  return true;
}

} // namespace skerry
