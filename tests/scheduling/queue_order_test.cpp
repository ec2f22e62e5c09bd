#include "scheduling/queue_order.hpp"

#include <cmath>

#include <doctest/doctest.h>

using namespace skerry;

namespace {

/// Submitted at 1000 s, asks 100 s of 8 processors.
constexpr queued_job example{7, 1000, 100, 8, 250.0};

} // namespace

TEST_SUITE_BEGIN("scheduling/queue_order");

TEST_CASE("each order computes its published formula") {
  const std::int64_t now = 1200; // A wait of 200 s, twice the request.
  CHECK(priority(queue_order::fcfs, example, now) == 1000);
  CHECK(priority(queue_order::sjf, example, now) == 100);
  // log10(100) * 8 + 870 * log10(1000) = 2 * 8 + 870 * 3
  CHECK(priority(queue_order::f1, example, now) == doctest::Approx(2626));
  // -(200 / 100)^3 * 8
  CHECK(priority(queue_order::wfp3, example, now) == -64);
  // -200 / (log2(8) * 100) = -200 / 300
  CHECK(priority(queue_order::unicep, example, now)
        == doctest::Approx(-2.0 / 3));
  CHECK(priority(queue_order::las, example, now) == 250);
  CHECK(priority(queue_order::saf, example, now) == 800);
  // 100 * sqrt(8)
  CHECK(priority(queue_order::sqrt_area, example, now)
        == doctest::Approx(282.8427));
}

TEST_CASE("priorities are finite at the edges of time and width") {
  for (const auto order : all_queue_orders())
    for (const auto processors : {1, 2})
      for (const auto now : {0, 5}) {
        CAPTURE(to_string(order));
        const queued_job job{1, 0, 0, processors, 0};
        CHECK(std::isfinite(priority(order, job, now)));
      }
  // Zero seconds count as 0.1: -1 * 3 + 870 * -1.
  CHECK(priority(queue_order::f1, {1, 0, 0, 3, 0}, 0) == doctest::Approx(-873));
}

TEST_CASE("unicep puts waiting serial jobs first, by their relative wait") {
  const queued_job serial{1, 100, 10, 1};
  const queued_job longer_serial{2, 100, 20, 1};
  const queued_job pair{3, 0, 1, 2};
  const auto at = [](const queued_job& job) {
    return priority(queue_order::unicep, job, 200);
  };
  CHECK(at(serial) < at(longer_serial)); // 100 / 10 against 100 / 20
  CHECK(at(longer_serial) < at(pair));
}

TEST_CASE("only the orders that look at the wait change with time") {
  for (const auto order : all_queue_orders()) {
    CAPTURE(to_string(order));
    const bool changed
        = priority(order, example, 1200) != priority(order, example, 1300);
    CHECK(changed == changes_with_time(order));
  }
}

TEST_CASE("ties go by submit time, then by number") {
  CHECK(submitted_before({2, 5, 1, 1}, {1, 6, 1, 1}));
  CHECK(submitted_before({1, 5, 1, 1}, {2, 5, 1, 1}));
  CHECK_FALSE(submitted_before({1, 5, 1, 1}, {1, 5, 1, 1}));
}

TEST_CASE("an order is found by its name, and an unknown name lists them") {
  for (const auto order : all_queue_orders())
    CHECK(*find_queue_order(to_string(order)) == order);
  CHECK(find_queue_order("F1").failure()
        == error{error_code::invalid_argument,
                 "no queue order is called \"F1\" (known: fcfs, sjf, f1, wfp3, "
                 "unicep, las, saf, sqrt-area)"});
}

TEST_SUITE_END();
