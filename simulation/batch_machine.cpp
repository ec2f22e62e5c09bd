#include "simulation/batch_machine.hpp"

#include "scheduling/assert.hpp"

namespace skerry {

batch_machine::batch_machine(std::int64_t processors, std::size_t jobs)
    : free_{processors}, held_(jobs) {}

void batch_machine::start(std::size_t job, std::int64_t processors) {
  SKERRY_ASSERT(fits(processors));
  SKERRY_ASSERT(held_[job] == 0);
  held_[job] = processors;
  free_ -= processors;
}

void batch_machine::finish(std::size_t job) {
  SKERRY_ASSERT(held_[job] > 0);
  free_ += held_[job];
  held_[job] = 0;
}

} // namespace skerry
