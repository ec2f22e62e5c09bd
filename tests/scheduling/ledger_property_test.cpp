// Random sequences of commands: good, bad, late and repeated.
//
// A run prints its configuration; to repeat one, or to search for longer:
//   RC_PARAMS="seed=42 max_success=100000" scheduling_tests
//     --test-suite=scheduling/ledger_property
#include "tests/scheduling/ledger_player.hpp"

#include <rapidcheck.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include <doctest/doctest.h>

using namespace skerry::testing;

TEST_SUITE_BEGIN("scheduling/ledger_property");

namespace {

/// An assertion of the ledger aborts before rapidcheck can report, also while
/// it shrinks: then the sequence is all that is left.
const std::vector<step>* playing = nullptr;

extern "C" void print_sequence(int) {
  std::cerr << "aborted by the sequence:";
  for (const auto& each : *playing)
    std::cerr << ' ' << each;
  std::cerr << std::endl;
}

} // namespace

TEST_CASE("whatever is commanded, the ledger stays sound and tells the truth") {
  // Not overwritten: who searches or repeats a failure sets his own.
  setenv("RC_PARAMS", "seed=20 max_success=1000 max_size=120", 0);
  const auto previous = std::signal(SIGABRT, print_sequence);
  CHECK(rc::check("random commands", [] {
    const auto steps = *rc::gen::container<std::vector<step>>(any_step());
    playing = &steps;
    player ledger_player;
    for (const auto& each : steps)
      ledger_player.play(each);
  }));
  std::signal(SIGABRT, previous);
}
