#include "evolution/test_functions.hpp"
#include "messages/search_checkpoint.hpp"

#include <array>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;

TEST_SUITE_BEGIN("messages/search_checkpoint");

namespace {

struct sea {
  /// Noisy, so that there are validations.
  shifted_function of{test_function::rastrigin, 6, 1, 0.5};
  std::array<const problem*, 1> problems{&of};
  archipelago_options options;

  sea() {
    for (const auto* name : {"cma-es", "ga", "cma-es"})
      options.islands.push_back(
          {.optimiser = *find_optimiser(name),
           .migration = {.every = 3,
                         .count = 2,
                         .replacement = migrant_replacement::random}});
  }

  archipelago after(int epochs) const {
    archipelago out{options, problems};
    for (int epoch = 0; epoch < epochs; ++epoch)
      out.step();
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(sea, "a search goes on from its bytes as if never stopped") {
  // Migrants are sent after the 3rd generation and wait there.
  for (const int epochs : {0, 1, 3, 17}) {
    const auto state = after(epochs).state();
    const auto read
        = read_checkpoint(checkpoint_bytes("x", state), "x", "memory");
    REQUIRE(read);
    CHECK(*read == state);
    auto restored = archipelago::restore(options, problems, *read);
    REQUIRE(restored);
    for (int epoch = 0; epoch < 12; ++epoch)
      restored->step();
    CHECK(restored->state() == after(epochs + 12).state());
  }
}

TEST_CASE_FIXTURE(sea, "any damage is found") {
  const auto bytes = checkpoint_bytes("x", after(5).state());
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK_FALSE(read_checkpoint(damaged, "x", "memory"));
  }
  for (const auto length : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1})
    CHECK(read_checkpoint(std::string_view{bytes}.substr(0, length), "x",
                          "memory")
              .failure()
              .code
          == error_code::malformed);
}

TEST_CASE_FIXTURE(sea, "the state of another search is refused") {
  const auto bytes = checkpoint_bytes("--seed 1", after(1).state());
  const auto read = read_checkpoint(bytes, "--seed 2", "the file");
  REQUIRE_FALSE(read);
  CHECK(read.failure().code == error_code::conflict);
  CHECK(read.failure().message.find("the file") == 0);
}

TEST_SUITE_END();
