#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace skerry {

/// Amounts as people write and read them. The readers take decimal numbers
/// exactly: what does not come out as a whole number of the small unit, or
/// leaves its range, is refused. Errors are `invalid_argument` and say what is
/// wanted; the caller adds the name of the field.

/// "500m", "2", "1.5": cores as millicores.
result<std::int64_t> parse_cpu_millicores(std::string_view text);
/// "4GiB", "512 MiB", "1.5G", "1000": bytes. K, M, G, T, P are of 1000, with
/// an `i` of 1024; the B may be left out.
result<std::int64_t> parse_bytes(std::string_view text);
/// "10Gbps", "100M": bits per second, of 1000.
result<std::int64_t> parse_bits_per_second(std::string_view text);
/// "250ms", "30s", "1h30m", "2d": milliseconds. A number needs its unit, but
/// for 0.
result<std::int64_t> parse_milliseconds(std::string_view text);
/// "0.5", "2": thousandths.
result<std::int64_t> parse_milli(std::string_view text);

/// "1.5", "250m".
std::string cpu_text(std::int64_t millicores);
/// "4 GiB", "1.5 GiB", "17 B": at most two decimals.
std::string bytes_text(std::int64_t amount);
/// "10 Gbps".
std::string bits_per_second_text(std::int64_t amount);
/// "1h30m", "2.5s", "12ms": all of it, readable by `parse_milliseconds`.
std::string milliseconds_text(std::int64_t milliseconds);
/// "3d", "5h", "12m", "40s": how long ago, the largest unit alone.
std::string age_text(std::int64_t milliseconds);
/// "0.5", "2".
std::string milli_text(std::int64_t amount_milli);

} // namespace skerry
