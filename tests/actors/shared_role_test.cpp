#include "actors/shared_role.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("actors/shared_role");

namespace {

struct counter {
  int value = 0; ///< Not atomic: only one thread at a time may be here.
};

} // namespace

TEST_CASE("a caller uses an idle role, and none that is in use") {
  shared_role<counter> shared{std::make_unique<counter>()};
  CHECK(shared.try_use([](counter& role) { ++role.value; }));
  const auto refused = [&] {
    return !shared.try_use([](counter& role) { role.value += 100; });
  };
  shared.use([&](counter&) { CHECK(refused()); });
  CHECK(shared.try_use([&](counter&) { CHECK(refused()); }));
  shared.use([](counter& role) { CHECK(role.value == 1); });
}

TEST_CASE("work that throws gives the role back") {
  shared_role<counter> shared{std::make_unique<counter>()};
  const auto fail = [](counter&) { throw std::runtime_error{"as planned"}; };
  CHECK_THROWS(shared.use(fail));
  CHECK_THROWS((void)shared.try_use(fail));
  CHECK(shared.try_use([](counter&) {}));
}

TEST_CASE("callers that never rest neither disturb nor hold up the actor") {
  constexpr int turns = 20'000;
  shared_role<counter> shared{std::make_unique<counter>()};
  std::atomic<bool> over{false};
  std::atomic<int> by_callers{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] {
      while (!over)
        if (shared.try_use([](counter& role) { ++role.value; }))
          ++by_callers;
    });
  while (by_callers == 0)
    std::this_thread::yield();
  for (int i = 0; i < turns; ++i)
    shared.use([](counter& role) { ++role.value; });
  over = true;
  for (auto& caller : callers)
    caller.join();
  shared.use([&](counter& role) { CHECK(role.value == turns + by_callers); });
}

TEST_SUITE_END();
