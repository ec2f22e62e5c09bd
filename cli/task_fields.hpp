#pragma once

#include "config/table_reader.hpp"
#include "messages/skerry/v1/jobs.pb.h"

namespace skerry {

/// Reads the keys of a task group that say where its tasks may run: amounts
/// with units, devices, constraints, priority. Faults of single keys are the
/// reader's; whether they fit together is for `from_proto` to say.
void read_profile(table_reader& keys, v1::TaskProfile& into);

/// Reads what a group waits for: `after` where it is one of several, and
/// `retry_delay`.
void read_order(table_reader& keys, v1::TaskGroup& into, bool is_part);
/// Likewise of a job: `after` and `hold`.
void read_order(table_reader& keys, v1::Job& into);

/// Reads the keys that say what runs: `argv` and what belongs to it, or
/// `simulated`; `probe`, `keep_on_disconnect`, `max_duration`. Without a driver
/// when none is given.
void read_work(table_reader& keys, v1::Work& into);

} // namespace skerry
