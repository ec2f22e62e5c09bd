#include "agent/link.hpp"

#include "messages/convert.hpp"
#include "messages/skerry/v1/agent_link.grpc.pb.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace skerry {

namespace {

using namespace std::chrono;

constexpr int max_receive_bytes = 16 << 20;
/// For a write that is on its way when the stream has ended.
constexpr milliseconds last_write{200};

using stream_type
    = grpc::ClientReaderWriter<v1::AgentMessage, v1::ServerMessage>;

/// One thread connects and reads, another one writes.
class link_threads final : public agent_link {
public:
  link_threads(link_options options, listener to)
      : options_{std::move(options)}, to_{std::move(to)},
        random_{options_.seed}, reader_{[this] { read(); }}, writer_{[this] {
          write();
        }} {}

  ~link_threads() override {
    {
      const std::lock_guard hold{mutex_};
      stopping_ = true;
      if (context_ != nullptr)
        context_->TryCancel();
    }
    wake_.notify_all();
    reader_.join();
    writer_.join();
  }

  void send(std::uint64_t stream, v1::AgentMessage message) override {
    {
      const std::lock_guard hold{mutex_};
      if (stream != open_)
        return;
      waiting_bytes_ += message.ByteSizeLong();
      if (waiting_bytes_ > options_.max_waiting_bytes && context_ != nullptr)
        context_->TryCancel();
      waiting_.push_back(std::move(message));
    }
    wake_.notify_all();
  }

  void drop(std::uint64_t stream) override {
    const std::lock_guard hold{mutex_};
    if (stream == open_ && context_ != nullptr)
      context_->TryCancel();
  }

  void flush(std::int64_t limit) override {
    std::unique_lock hold{mutex_};
    sent_.wait_for(hold, milliseconds{limit}, [this] {
      return (waiting_.empty() && !writing_) || open_ == 0;
    });
  }

private:
  void read() {
    auto at
        = options_.servers.empty() ? 0 : random_() % options_.servers.size();
    auto wait = options_.shortest_wait_milliseconds;
    while (!stopping()) {
      const auto& server = options_.servers[at];
      at = (at + 1) % options_.servers.size();
      const auto begin = steady_clock::now();
      attach(server);
      // A stream that has stood for a while was no failed attempt.
      if (steady_clock::now() - begin
          > milliseconds{2 * options_.longest_wait_milliseconds})
        wait = options_.shortest_wait_milliseconds;
      std::uniform_int_distribution<std::int64_t> jitter{wait / 2, wait};
      wait = std::min(2 * wait, options_.longest_wait_milliseconds);
      std::unique_lock hold{mutex_};
      wake_.wait_for(hold, milliseconds{jitter(random_)},
                     [this] { return stopping_; });
    }
  }

  bool stopping() {
    const std::lock_guard hold{mutex_};
    return stopping_;
  }

  bool stands(grpc::ChannelInterface& channel) {
    if (options_.in_process)
      return true;
    const auto until
        = steady_clock::now() + milliseconds{options_.connect_milliseconds};
    // In small steps, so that stopping does not wait for a dead server.
    while (!channel.WaitForConnected(system_clock::now() + milliseconds{50}))
      if (stopping() || steady_clock::now() > until
          || channel.GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE)
        return false;
    return true;
  }

  /// Only a call is told the reason, and this one fails.
  std::string why_not(v1::AgentLink::Stub& stub) const {
    grpc::ClientContext context;
    context.set_deadline(system_clock::now() + milliseconds{100});
    const auto status = stub.Attach(&context)->Finish();
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE)
      return "no answer in time";
    const auto why = short_reason(status.error_message());
    return options_.hint.empty() || why.find("onnection refused") != why.npos
               ? why
               : fmt::format("{}; {}", why, options_.hint);
  }

  void attach(const std::string& server) {
    auto channel = options_.dial(server);
    if (channel == nullptr)
      return to_.failed(server, "no connection");
    const auto stub = v1::AgentLink::NewStub(channel);
    if (!stands(*channel))
      return to_.failed(server, why_not(*stub));
    grpc::ClientContext context;
    {
      const std::lock_guard hold{mutex_};
      if (stopping_)
        return;
      context_ = &context;
    }
    auto stream = stub->Attach(&context);
    std::uint64_t number = 0;
    {
      const std::lock_guard hold{mutex_};
      number = open_ = ++last_;
      stream_ = stream.get();
      waiting_.clear();
      waiting_bytes_ = 0;
    }
    to_.up(number, server);
    v1::ServerMessage message;
    while (stream->Read(&message)) {
      to_.message(number, std::move(message));
      message.Clear();
    }
    {
      std::unique_lock hold{mutex_};
      open_ = 0;
      stream_ = nullptr;
      waiting_.clear();
      wake_.notify_all();
      // A write that is stuck ends with the call; but a call that is cancelled
      // forgets why the server has ended it.
      if (!idle_.wait_for(hold, last_write, [this] { return !writing_; })) {
        context.TryCancel();
        idle_.wait(hold, [this] { return !writing_; });
      }
      context_ = nullptr;
      sent_.notify_all();
    }
    const auto status = stream->Finish();
    to_.down(number, status.error_message().empty() ? "the server has closed"
                                                    : status.error_message());
  }

  void write() {
    std::unique_lock hold{mutex_};
    for (;;) {
      wake_.wait(hold, [this] {
        return stopping_ || (stream_ != nullptr && !waiting_.empty());
      });
      if (stopping_)
        return;
      const auto message = std::move(waiting_.front());
      waiting_.pop_front();
      waiting_bytes_ -= std::min(waiting_bytes_, message.ByteSizeLong());
      auto* stream = stream_;
      writing_ = true;
      hold.unlock();
      // When it fails the call is over: the reader sees it, and why.
      (void)stream->Write(message);
      hold.lock();
      writing_ = false;
      idle_.notify_all();
      sent_.notify_all();
    }
  }

  link_options options_;
  listener to_;
  std::mt19937_64 random_; // Of the reader alone.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::condition_variable sent_;
  std::deque<v1::AgentMessage> waiting_;
  std::size_t waiting_bytes_ = 0;
  grpc::ClientContext* context_ = nullptr;
  stream_type* stream_ = nullptr;
  std::uint64_t open_ = 0; ///< The number of the stream that stands.
  std::uint64_t last_ = 0;
  bool writing_ = false;
  bool stopping_ = false;
  std::thread reader_;
  std::thread writer_;
};

} // namespace

grpc::ChannelArguments link_channel_arguments() {
  grpc::ChannelArguments out;
  out.SetMaxReceiveMessageSize(max_receive_bytes);
  out.SetMaxSendMessageSize(max_receive_bytes);
  // Else a server that comes back is not seen for up to two minutes.
  out.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  out.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  // A connection of its own: one that hangs is not taken up again.
  out.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return out;
}

std::unique_ptr<agent_link> agent_link::start(link_options options,
                                              listener to) {
  return std::make_unique<link_threads>(std::move(options), std::move(to));
}

} // namespace skerry
