#include "api/agent_stream.hpp"

#include "api/server_messages.hpp"
#include "api/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace skerry {
namespace {

using std::chrono::milliseconds;

/// Between these an agent is left waiting while the gateway is full.
constexpr milliseconds shortest_pause{5};
constexpr milliseconds longest_pause{80};

} // namespace

grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>*
agent_stream::open(service_context& in, grpc::CallbackServerContext& call) {
  auto stream = std::make_shared<agent_stream>(in, call);
  stream->self_ = stream;
  auto allowed = in.access.check(call, audience::agents);
  if (allowed.ok())
    allowed = in.streams.add(stream);
  if (!allowed.ok()) {
    stream->end(std::move(allowed));
    return stream.get();
  }
  stream->name_ = in.access.agent_name(call);
  // An agent that has nothing to say yet shall know that it is connected.
  stream->StartSendInitialMetadata();
  stream->linked_ = true;
  stream->link_ = in.gateway.open_link(stream);
  stream->StartRead(&stream->incoming_);
  return stream.get();
}

// -- to the agent -------------------------------------------------------------

void agent_stream::send(v1::ServerMessage message) {
  const auto bytes = message.ByteSizeLong();
  step next = step::none;
  bool is_full = false;
  {
    const std::lock_guard lock{mutex_};
    if (ending_)
      return;
    is_full = waiting_.size() >= in_.limits.agent_queue_messages
              || waiting_bytes_ + bytes > in_.limits.agent_queue_bytes;
    if (!is_full) {
      waiting_.push_back({std::move(message), bytes});
      waiting_bytes_ += bytes;
      next = next_step();
    }
  }
  if (is_full)
    drop({grpc::RESOURCE_EXHAUSTED,
          "the agent reads more slowly than it is sent to; it should come "
          "back"});
  take(next);
}

void agent_stream::close() {
  end(grpc::Status::OK);
}

void agent_stream::end(grpc::Status why) {
  step next = step::none;
  {
    const std::lock_guard lock{mutex_};
    if (ending_)
      return;
    ending_ = std::move(why);
    if (alarm_)
      alarm_->Cancel();
    next = next_step();
  }
  take(next);
}

void agent_stream::drop(grpc::Status why) {
  {
    const std::lock_guard lock{mutex_};
    if (finished_)
      return;
    throw_away();
    if (!ending_)
      ending_ = std::move(why);
    if (alarm_)
      alarm_->Cancel();
    ++activities_;
  }
  // A write that the agent does not read would never end by itself.
  call_.TryCancel();
  finish_activity();
}

void agent_stream::OnWriteDone(bool ok) {
  step next = step::none;
  {
    const std::lock_guard lock{mutex_};
    writing_ = false;
    if (!ok) {
      throw_away();
      if (!ending_)
        ending_ = grpc::Status::CANCELLED;
      if (alarm_)
        alarm_->Cancel();
    }
    next = next_step();
  }
  take(next);
}

agent_stream::step agent_stream::next_step() {
  if (finished_ || writing_)
    return step::none;
  if (!waiting_.empty()) {
    fill_write();
    writing_ = true;
    return step::write;
  }
  if (!ending_ || activities_ > 0)
    return step::none;
  finished_ = true;
  return step::finish;
}

void agent_stream::fill_write() {
  const auto pop = [this] {
    auto front = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= front.bytes;
    return front;
  };
  auto first = pop();
  outgoing_ = std::move(first.message);
  auto bytes = first.bytes;
  while (!waiting_.empty()
         && bytes + waiting_.front().bytes <= in_.limits.merged_bytes
         && may_merge(outgoing_, waiting_.front().message)) {
    auto next = pop();
    bytes += next.bytes;
    merge(std::move(next.message), outgoing_);
  }
}

void agent_stream::throw_away() {
  waiting_.clear();
  waiting_bytes_ = 0;
}

void agent_stream::take(step next) {
  if (next == step::write)
    StartWrite(&outgoing_);
  else if (next == step::finish)
    Finish(*ending_);
}

void agent_stream::finish_activity() {
  step next = step::none;
  {
    const std::lock_guard lock{mutex_};
    --activities_;
    next = next_step();
  }
  take(next);
}

// -- from the agent -----------------------------------------------------------

void agent_stream::OnReadDone(bool ok) {
  if (!ok)
    return end(grpc::Status::OK);
  if (name_)
    if (auto refusals = keep_own_nodes(*name_, incoming_);
        !refusals.refused().empty())
      send(std::move(refusals));
  if (in_.gateway.take(link_, std::move(incoming_))) {
    pause_ = milliseconds{0};
    StartRead(&incoming_);
  } else {
    pause_ = std::clamp(pause_ * 2, shortest_pause, longest_pause);
    read_later();
  }
}

void agent_stream::read_later() {
  const std::lock_guard lock{mutex_};
  if (ending_)
    return;
  ++activities_;
  alarm_.emplace(); // A used one may still be running its function.
  alarm_->Set(std::chrono::system_clock::now() + pause_,
              // Gives itself away: the alarm keeps the function, and this
              // stream keeps the alarm.
              [self = shared_from_this()](bool expired) mutable {
                const auto stream = std::move(self);
                if (expired)
                  stream->StartRead(&stream->incoming_);
                stream->finish_activity();
              });
}

// -- the end ------------------------------------------------------------------

void agent_stream::OnCancel() {
  drop(grpc::Status::CANCELLED);
}

void agent_stream::OnDone() {
  in_.streams.remove(this);
  if (linked_)
    in_.gateway.close_link(link_);
  const auto last = std::move(self_);
}

} // namespace skerry
