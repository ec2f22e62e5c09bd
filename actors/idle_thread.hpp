#pragma once

namespace skerry {

/// The calling thread runs only when no other wants the core from now on. Where
/// that is not allowed, what is next best; where nothing is, only its budget
/// holds it back.
void run_when_idle();

/// Who runs when idle does so like all others from now on, where that is
/// allowed: on a busy machine nobody who waits for their end would see it.
void hurry_idle_threads();

/// What the calling thread has used, in seconds.
double own_cpu_seconds();

/// Since any fixed time.
double wall_seconds();

} // namespace skerry
