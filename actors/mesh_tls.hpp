#pragma once

#include "actors/mesh.hpp"

namespace skerry {

/// Loads the files as CAF's TLS broker will: there a fault is an exception in
/// another thread, and a call that never returns.
/// @returns `invalid_argument` naming the file that does not fit and why.
result<> check(const mesh_tls& files);

} // namespace skerry
