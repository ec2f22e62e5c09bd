#pragma once

#include "messages/gateway.hpp"
#include "scheduling/result.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace skerry {

struct api_limits {
  /// Of one message. An agent that stands for 10 000 nodes greets with 3 MiB.
  std::size_t message_bytes = 16u << 20;
  /// Of one reply: a list of 10 000 nodes has 10 MiB.
  std::size_t reply_bytes = 64u << 20;
  /// Calls at a time over one connection; more wait at the client.
  int calls_per_connection = 4096;
  /// Unary calls without an answer, over all connections: 64 MiB of state.
  std::size_t calls = 32768;
  /// Open streams: an agent needs one. gRPC keeps about 40 KiB for each.
  std::size_t streams = 16384;
  /// Requests of one stream at the gateway. More would wait in its queues.
  std::size_t stream_window = 32;
  /// What waits for a slow agent before its stream is closed: the orders of
  /// 10 000 tasks are 3 MiB.
  std::size_t agent_queue_bytes = 16u << 20;
  std::size_t agent_queue_messages = 8192;
  /// Queued messages to an agent go out together up to this size.
  std::size_t merged_bytes = 1u << 20;
};

struct api_options {
  std::string listen = "127.0.0.1:7070"; ///< HOST:PORT, PORT 0 for any.
  /// Folder made by `skerry certs server`. Empty: plaintext, loopback only.
  std::filesystem::path tls;
  api_limits limits;
  /// Silence after which a connection is probed, and for how long: the machine
  /// of a dead agent sends no goodbye.
  std::chrono::milliseconds keepalive{10'000};
  std::chrono::milliseconds keepalive_timeout{5'000};
  /// How often a watched job is looked at while it changes.
  std::chrono::milliseconds watch_interval{100};
  /// How long `stop` lets calls go on.
  std::chrono::milliseconds stop_grace{2'000};
};

/// The services of `skerry.v1`, with reflection and health, over a gateway.
/// No thread of gRPC ever waits for the cluster: calls are answered from
/// whatever thread the gateway replies on.
class api_server {
public:
  /// Listens at once. `to` outlives the server.
  /// @returns `invalid_argument` for an address that is no loopback without
  ///          certificates, and for certificates that do not fit together;
  ///          `io_failed` when the address cannot be listened on.
  static result<std::unique_ptr<api_server>> start(cluster_gateway& to,
                                                   api_options options);

  virtual ~api_server() = default;

  virtual std::string address() const = 0; ///< With the port given for 0.
  /// Ends streams with UNAVAILABLE, lets calls finish for `stop_grace`, then
  /// cancels them. No call reaches the gateway afterwards; replies that come
  /// later are dropped.
  virtual void stop() = 0;
};

} // namespace skerry
