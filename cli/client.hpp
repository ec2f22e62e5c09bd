#pragma once

#include "config/configuration.hpp"

#include <chrono>
#include <cstdint>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/status.h>
#include <memory>
#include <string>
#include <vector>

namespace skerry {

/// What a call may do when its answer is lost on the way.
enum class lost_answer : std::uint8_t {
  ask_another, ///< Every server gives the same answer.
  ask_again,   ///< Once more, and the same server: it alone knows the request.
};

/// What may be wrong when a server closes a connection without a word.
std::string tls_hint(bool is_plaintext);

/// The servers of a cluster, for a command: one of them at a time, the next
/// when it cannot be reached.
///
/// Not safe for use by several threads at once.
class client {
public:
  /// @returns `invalid_argument` when the certificates cannot be read.
  static result<client> make(const configuration& from);

  /// Calls with the deadline of the configuration.
  ///
  /// `client.call(&v1::Jobs::Stub::Get, request)`
  template <class Stub, class Request, class Reply>
  result<Reply> call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                  const Request&, Reply*),
                     const Request& request,
                     lost_answer lost = lost_answer::ask_another) {
    for (std::size_t tries = 0;; ++tries) {
      if (auto ok = connect(); !ok)
        return ok.failure();
      grpc::ClientContext context;
      context.set_deadline(deadline());
      Stub stub{channel_};
      Reply reply;
      const auto status = (stub.*method)(&context, request, &reply);
      if (status.ok())
        return reply;
      if (!may_try_again(status, lost, tries))
        return failure(status);
    }
  }

  /// Connects, if it is not connected, and reads a stream to its end.
  template <class Stub, class Request, class Reply, class Take>
  result<> read_all(std::unique_ptr<grpc::ClientReader<Reply>> (Stub::*method)(
                        grpc::ClientContext*, const Request&),
                    const Request& request, Take take) {
    if (auto ok = connect(); !ok)
      return ok;
    grpc::ClientContext context;
    context.set_deadline(deadline());
    Stub stub{channel_};
    auto reader = (stub.*method)(&context, request);
    Reply reply;
    while (reader->Read(&reply))
      take(reply);
    const auto status = reader->Finish();
    if (!status.ok())
      return failure(status);
    return done{};
  }

  /// Of the server that is asked now.
  const std::string& address() const { return addresses_[current_]; }

private:
  client() = default;

  result<> connect();
  bool reaches(std::string& why);
  bool may_try_again(const grpc::Status& status, lost_answer lost,
                     std::size_t tries);
  error failure(const grpc::Status& status) const;
  std::chrono::system_clock::time_point deadline() const;

  std::vector<std::string> addresses_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  bool is_plaintext_ = true;
  std::chrono::milliseconds timeout_{};
  std::size_t current_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
};

} // namespace skerry
