#pragma once

#include "actors/server.hpp"
#include "api/server.hpp"
#include "config/configuration.hpp"

namespace skerry {

/// What the configuration says to the rooms that make up a server.
struct server_setup {
  server_options server;
  api_options api;
};

/// @returns `invalid_argument` when the machine's name, which stands in for a
///          missing one, is not a name of a server.
result<server_setup> server_setup_of(const configuration& from);

} // namespace skerry
