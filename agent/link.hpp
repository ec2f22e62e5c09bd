#pragma once

#include "messages/skerry/v1/agent_link.pb.h"

#include <cstdint>
#include <functional>
#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>
#include <memory>
#include <string>
#include <vector>

namespace skerry {

struct link_options {
  /// Tried in turn, from a random one.
  std::vector<std::string> servers;
  /// Makes the channel: credentials are the caller's business. It should let
  /// messages of 16 MiB in; see `link_channel_arguments`.
  std::function<std::shared_ptr<grpc::ChannelInterface>(const std::string&)>
      dial;
  std::string hint = {}; ///< What may be wrong when a server closes at once.
  /// Between attempts; doubled up to the longest, then half of it at random.
  std::int64_t shortest_wait_milliseconds = 200;
  std::int64_t longest_wait_milliseconds = 5'000;
  /// Channels inside the process stand at once, and cannot say so.
  bool in_process = false;
  /// How long a server may take to let the channel stand.
  std::int64_t connect_milliseconds = 2'000;
  /// What may wait to be sent; beyond it the server counts as stuck.
  std::size_t max_waiting_bytes = 64 << 20;
  std::uint64_t seed = 0; ///< Of the waits, so that a fleet does not march.
};

/// For `dial`.
grpc::ChannelArguments link_channel_arguments();

/// Keeps one stream to one of the servers. Calls come from its own threads; the
/// number of a stream tells old news from new.
class agent_link {
public:
  struct listener {
    std::function<void(std::uint64_t stream, const std::string& server)> up;
    std::function<void(std::uint64_t stream, v1::ServerMessage)> message;
    /// Only after `up`.
    std::function<void(std::uint64_t stream, const std::string& why)> down;
    /// A server could not be reached.
    std::function<void(const std::string& server, const std::string& why)>
        failed;
  };

  static std::unique_ptr<agent_link> start(link_options options, listener to);
  virtual ~agent_link() = default;

  /// Thread-safe; dropped when that stream is over. Never blocks on the net.
  virtual void send(std::uint64_t stream, v1::AgentMessage message) = 0;
  /// Gives this stream up and tries the next server.
  virtual void drop(std::uint64_t stream) = 0;
  /// Waits until all is sent, but no longer than this.
  virtual void flush(std::int64_t milliseconds) = 0;

protected:
  agent_link() = default;
  agent_link(const agent_link&) = default;
  agent_link& operator=(const agent_link&) = default;
};

} // namespace skerry
