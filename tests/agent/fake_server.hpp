#pragma once

#include "messages/skerry/v1/agent_link.grpc.pb.h"
#include "tests/agent/event_box.hpp"

#include <condition_variable>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace skerry::testing {

/// The server's end of the link: welcomes whoever says hello, echoes
/// heartbeats, and keeps all it hears.
class fake_server final : public v1::AgentLink::Service {
public:
  bool acknowledges = true; ///< Set before agents come.

  fake_server() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~fake_server() override { shut_down(); }
  fake_server(const fake_server&) = delete;
  fake_server& operator=(const fake_server&) = delete;

  void shut_down() {
    if (server_ == nullptr)
      return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
  }

  const std::string& address() const { return address_; }

  grpc::Status
  Attach(grpc::ServerContext*,
         grpc::ServerReaderWriter<v1::ServerMessage, v1::AgentMessage>* stream)
      override {
    {
      const std::lock_guard hold{mutex_};
      stream_ = stream;
    }
    v1::AgentMessage message;
    while (stream->Read(&message)) {
      const std::lock_guard hold{mutex_};
      answer(message, *stream);
      heard_.push_back(std::move(message));
      changed_.notify_all();
      message.Clear();
    }
    const std::lock_guard hold{mutex_};
    if (stream_ == stream)
      stream_ = nullptr;
    return grpc::Status::OK;
  }

  /// In the session that the node has now.
  void start(v1::StartOrder order) {
    const std::lock_guard hold{mutex_};
    order.set_session(session_);
    v1::ServerMessage message;
    *message.add_starts() = std::move(order);
    stream_->Write(message);
  }
  void stop(const std::string& node, const std::string& task) {
    const std::lock_guard hold{mutex_};
    v1::ServerMessage message;
    auto& order = *message.add_stops();
    order.set_node(node);
    order.set_session(session_);
    order.set_task(task);
    order.set_attempt(1);
    order.set_reason("the test says so");
    stream_->Write(message);
  }

  /// Waits until `count` over all messages is at least `least`.
  template <class Count>
  bool hears(std::size_t least, Count count) {
    std::unique_lock hold{mutex_};
    return changed_.wait_for(hold, patience, [&] {
      std::size_t sum = 0;
      for (const auto& message : heard_)
        sum += static_cast<std::size_t>(count(message));
      return sum >= least;
    });
  }
  template <class Predicate>
  bool reports(std::size_t least, Predicate wanted) {
    return hears(least, [&](const v1::AgentMessage& message) {
      return std::count_if(message.reports().begin(), message.reports().end(),
                           wanted);
    });
  }
  bool hellos(std::size_t least) {
    return hears(least, [](const v1::AgentMessage& message) {
      return message.hellos_size();
    });
  }
  v1::Hello last_hello() {
    const std::lock_guard hold{mutex_};
    v1::Hello out;
    for (const auto& message : heard_)
      for (const auto& hello : message.hellos())
        out = hello;
    return out;
  }
  v1::Outcome outcome_of(const std::string& task) {
    const std::lock_guard hold{mutex_};
    v1::Outcome out;
    for (const auto& message : heard_)
      for (const auto& report : message.reports())
        if (report.has_ended() && report.task() == task)
          out = report.ended();
    return out;
  }

private:
  void answer(
      const v1::AgentMessage& message,
      grpc::ServerReaderWriter<v1::ServerMessage, v1::AgentMessage>& stream) {
    v1::ServerMessage back;
    for (const auto& alive : message.keep_alives())
      *back.mutable_keep_alive() = alive;
    for (const auto& hello : message.hellos()) {
      session_ = hello.last_session() + 1;
      auto& welcome = *back.add_welcomes();
      welcome.set_node(hello.node().name());
      welcome.set_server(address_);
      welcome.set_epoch(1);
      welcome.set_session(session_);
      welcome.set_lease_milliseconds(60'000);
      welcome.set_heartbeat_milliseconds(200);
    }
    for (const auto& report : message.reports()) {
      if (!report.has_ended() || !acknowledges)
        continue;
      auto& ack = *back.add_acknowledges();
      ack.set_node(report.node());
      ack.set_task(report.task());
      ack.set_attempt(report.attempt());
    }
    if (back.ByteSizeLong() > 0)
      stream.Write(back);
  }

  std::string address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<v1::AgentMessage> heard_;
  grpc::ServerReaderWriter<v1::ServerMessage, v1::AgentMessage>* stream_
      = nullptr;
  std::uint64_t session_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

} // namespace skerry::testing
