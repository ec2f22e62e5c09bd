#pragma once

#include "messages/skerry/mesh/v1/mesh.pb.h"
#include "scheduling/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace caf {
class actor_system;
class actor_system_config;
} // namespace caf

namespace skerry {

/// A server as ROSTER sees it.
struct peer {
  std::string name;
  std::uint64_t incarnation = 0;
  std::uint64_t epoch = 0;
  std::string mesh_address;
  bool reachable = false;
  std::int64_t silent_milliseconds = 0; ///< Since its last hello.
  v1::ServerStatus status;              ///< As of its last hello.
};

struct mesh_tls {
  std::string ca_file; ///< All three empty: plaintext, loopback only.
  std::string certificate_file;
  std::string key_file;
};

struct mesh_options {
  std::string name;
  std::uint64_t incarnation = 0;
  std::uint64_t epoch = 0;
  std::string listen = "127.0.0.1:0";
  /// What others dial; `listen` when empty.
  std::string advertise;
  std::vector<std::string> seeds; ///< Mesh addresses; its own is skipped.
  /// Servers that an operator has given up, and their epochs then.
  std::map<std::string, std::uint64_t> forgotten;
  mesh_tls tls;
  /// CAF's heartbeats: a TLS handshake has to finish within one.
  std::int64_t heartbeat_milliseconds = 1000;
  std::int64_t timeout_milliseconds = 5000; ///< Silence that ends a connection.
  /// Batches in flight to one peer. CAF has no push-back; 8 to 64 is where its
  /// throughput peaks.
  std::uint32_t window = 16;
  /// Envelopes that wait for one peer. The sender repeats what matters, so the
  /// oldest are dropped beyond it.
  std::size_t max_waiting = 65536;
};

/// The servers of a cluster to each other: the ROSTER actor, the published
/// front, dialing, reconnecting, credit windows.
///
/// Delivers at most once, in order while a connection lasts; who needs more
/// repeats. Callbacks come from actors' threads, one at a time.
class server_mesh {
public:
  using envelope_handler = std::function<void(mesh::v1::Envelope)>;
  /// All known servers but this one, reachable or not; after each change.
  using peers_handler = std::function<void(std::vector<peer>)>;
  /// Another server says that one was given up, maybe this one.
  using forgotten_handler
      = std::function<void(const std::string& name, std::uint64_t epoch)>;
  using status_source = std::function<v1::ServerStatus()>;

  /// The system's options for a mesh: middleman, TLS manager, heartbeats,
  /// `sharing` policy, message types.
  /// @returns `invalid_argument` for files that do not fit together (CAF would
  ///          hang on them) and for an address that is not loopback without
  ///          certificates.
  static result<> configure(caf::actor_system_config& config,
                            const mesh_options& options);

  /// Listens and begins to dial the seeds.
  /// @param system Made from a configuration that `configure` prepared.
  /// @returns `io_failed` when the address cannot be listened on.
  static result<std::unique_ptr<server_mesh>>
  start(caf::actor_system& system, mesh_options options,
        envelope_handler on_envelope, peers_handler on_peers,
        forgotten_handler on_forgotten, status_source status);

  virtual ~server_mesh() = default;

  /// Sends to `envelope.to()`; dropped when that server is not reachable.
  /// Thread-safe, never blocks.
  virtual void send(mesh::v1::Envelope envelope) = 0;
  virtual std::vector<peer> peers() const = 0; ///< Thread-safe.
  /// Where it listens, with the port that was given for 0.
  virtual std::string address() const = 0;
  /// Takes a server that is gone for good from the list, and tells all others
  /// with each hello, until it is heard in a later epoch. Thread-safe.
  virtual void forget(const std::string& name, std::uint64_t epoch) = 0;
  /// Ends connections and actors; no callback comes afterwards.
  virtual void stop() = 0;
};

} // namespace skerry
