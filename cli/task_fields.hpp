#pragma once

#include "config/table_reader.hpp"
#include "messages/skerry/v1/types.pb.h"

namespace skerry {

/// Reads the keys of a task group that say where its tasks may run: amounts
/// with units, devices, constraints, priority. Faults of single keys are the
/// reader's; whether they fit together is for `from_proto` to say.
void read_profile(table_reader& keys, v1::TaskProfile& into);

/// Reads the keys that say what runs: `argv` and what belongs to it, or
/// `simulated`; `probe`, `keep_on_disconnect`. Without a driver when none is
/// given.
void read_work(table_reader& keys, v1::Work& into);

} // namespace skerry
