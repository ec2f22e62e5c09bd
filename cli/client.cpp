#include "cli/client.hpp"

#include "api/credentials.hpp"
#include "api/status.hpp"
#include "messages/convert.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <grpcpp/create_channel.h>
#include <utility>

namespace skerry {
namespace {

/// What lies behind a connection that the other end has closed at once.
std::string with_tls_hint(std::string why, bool is_plaintext) {
  const bool is_strange = why.ends_with("Socket closed")
                          || why.find("andshake") != std::string::npos;
  if (!is_strange)
    return why;
  return why + "; " + tls_hint(is_plaintext);
}

} // namespace

std::string tls_hint(bool is_plaintext) {
  return is_plaintext
             ? "it may speak TLS: give the folder of your certificates with "
               "--tls or SKERRY_TLS"
             : "it may speak no TLS (leave --tls out), or its certificates "
               "and these are not of the same 'skerry certs init'";
}

result<client> client::make(const configuration& from) {
  auto credentials = channel_credentials(from.client_tls());
  if (!credentials)
    return credentials.failure();
  client made;
  made.addresses_ = from.client.addresses;
  made.credentials_ = *std::move(credentials);
  made.is_plaintext_ = from.client_tls().empty();
  made.timeout_ = std::chrono::milliseconds{from.client.timeout_milliseconds};
  return made;
}

std::chrono::system_clock::time_point client::deadline() const {
  return std::chrono::system_clock::now() + timeout_;
}

/// Finds a server that can be reached, beginning with the one that was asked
/// last.
result<> client::connect() {
  if (channel_ != nullptr)
    return done{};
  std::string reasons;
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    auto arguments = channel_arguments();
    // Else a new channel meets the back-off of an earlier one to this address.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(address(), credentials_, arguments);
    std::string why;
    if (reaches(why))
      return done{};
    reasons += fmt::format("{}cannot reach {}: {}", reasons.empty() ? "" : "\n",
                           address(), why);
    channel_ = nullptr;
    current_ = (current_ + 1) % addresses_.size();
  }
  return {error_code::unreachable, reasons};
}

/// Waits for the connection, no longer than it can fail: a server that is down
/// refuses at once, and only silence takes its share of the timeout.
bool client::reaches(std::string& why) {
  const auto share = timeout_ / static_cast<int>(addresses_.size());
  const auto until = std::chrono::system_clock::now() + share;
  auto state = channel_->GetState(true);
  while (state != GRPC_CHANNEL_READY
         && state != GRPC_CHANNEL_TRANSIENT_FAILURE) {
    if (!channel_->WaitForStateChange(state, until)) {
      why = "no answer in time";
      return false;
    }
    state = channel_->GetState(true);
  }
  if (state == GRPC_CHANNEL_READY)
    return true;
  // Only a call is told the reason. This one changes nothing.
  grpc::ClientContext context;
  context.set_deadline(until);
  v1::Cluster::Stub stub{channel_};
  v1::ServersReply ignored;
  const auto status = stub.Servers(&context, {}, &ignored);
  why = with_tls_hint(short_reason(status.error_message()), is_plaintext_);
  return status.ok();
}

bool client::may_try_again(const grpc::Status& status, lost_answer lost,
                           std::size_t tries) {
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE)
    return false;
  channel_ = nullptr; // The next call looks for a server anew.
  if (lost == lost_answer::ask_another) {
    current_ = (current_ + 1) % addresses_.size();
    return tries < std::max<std::size_t>(1, addresses_.size() - 1);
  }
  // Connecting may move on to another server, which would take the request for
  // a new one: connect to this one here, or not at all.
  if (tries > 0)
    return false;
  channel_
      = grpc::CreateCustomChannel(address(), credentials_, channel_arguments());
  if (channel_->WaitForConnected(deadline()))
    return true;
  channel_ = nullptr;
  return false;
}

error client::failure(const grpc::Status& status) const {
  auto out = from_status(status);
  if (out.code == error_code::unreachable)
    out.message = fmt::format("{}: {}", address(), out.message);
  return out;
}

} // namespace skerry
