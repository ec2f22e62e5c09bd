#pragma once

#include "cli/server_options.hpp"

#include <memory>
#include <string>

namespace skerry {

/// A server with its API, until it is ended. Made after the signals are held,
/// as its threads inherit the mask.
class served_cluster {
public:
  /// A failure that ends the server later on is told on stderr, and ends the
  /// process with exit code 1.
  static result<served_cluster> start(server_setup setup);

  served_cluster(served_cluster&&) = default;
  served_cluster& operator=(served_cluster&&) = delete;
  ~served_cluster();

  std::string api_address() const { return api_->address(); }
  std::uint64_t epoch() const { return server_->epoch(); }
  /// Where it listens for other servers; empty without a mesh.
  std::string mesh_address() const;

  /// Ends calls and actors. When they do not end in ten seconds the process
  /// does, with exit code 0, as all that was acknowledged is on disk: a TLS
  /// connection that is half open can hold CAF 0.17 for ever.
  void stop();

private:
  served_cluster() = default;

  std::unique_ptr<server> server_;
  std::unique_ptr<api_server> api_; ///< Goes first: it calls the server.
};

} // namespace skerry
