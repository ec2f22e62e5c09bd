#include "benchmarks/api_load.hpp"

#include "benchmarks/measure.hpp"
#include "messages/skerry/v1/decisions.grpc.pb.h"
#include "messages/skerry/v1/jobs.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using clock = std::chrono::steady_clock;

clock::duration in_seconds(double seconds) {
  return std::chrono::duration_cast<clock::duration>(
      std::chrono::duration<double>{seconds});
}

result<std::shared_ptr<grpc::Channel>> connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel(
      address, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now()
                                 + std::chrono::seconds{10}))
    return error{error_code::io_failed, "cannot connect to " + address};
  return channel;
}

// -- requests -----------------------------------------------------------------

v1::TaskProfile profile(std::uint64_t number) {
  v1::TaskProfile out;
  // 16 shapes, as live clusters have few.
  out.mutable_demand()->set_cpu_millicores(
      static_cast<std::int64_t>(100 * (1 + number % 16)));
  out.mutable_demand()->set_memory_bytes(std::int64_t{1} << 28);
  return out;
}

v1::DecideRequest decide_request(int batch, std::uint64_t& number) {
  v1::DecideRequest request;
  for (int i = 0; i < batch; ++i)
    *request.add_tasks() = profile(number++);
  return request;
}

int placed_in(const v1::DecideReply& reply) {
  return static_cast<int>(
      std::ranges::count_if(reply.decisions(), &v1::Decision::placed));
}

struct decide_method {
  using service = v1::Decisions;
  using reply = v1::DecideReply;

  static v1::DecideRequest request(int batch, std::uint64_t& number) {
    return decide_request(batch, number);
  }
  static auto prepare(service::Stub& stub, grpc::ClientContext* context,
                      const v1::DecideRequest& request,
                      grpc::CompletionQueue* queue) {
    return stub.PrepareAsyncDecide(context, request, queue);
  }
  static bool is_good(const reply& answer, int batch) {
    return placed_in(answer) == batch;
  }
};

struct submit_method {
  using service = v1::Jobs;
  using reply = v1::SubmitReply;

  static v1::SubmitRequest request(int batch, std::uint64_t& number) {
    v1::SubmitRequest request;
    for (int i = 0; i < batch; ++i) {
      auto& job = *request.add_jobs();
      job.set_id(fmt::format("batch{}-{}", batch, number));
      auto& group = *job.add_groups();
      *group.mutable_profile() = profile(number++);
      group.mutable_work()->mutable_simulated()->set_duration_milliseconds(1);
    }
    return request;
  }
  static auto prepare(service::Stub& stub, grpc::ClientContext* context,
                      const v1::SubmitRequest& request,
                      grpc::CompletionQueue* queue) {
    return stub.PrepareAsyncSubmit(context, request, queue);
  }
  static bool is_good(const reply&, int) { return true; }
};

// -- unary calls --------------------------------------------------------------

/// Callers with at most a call each under way. One thread takes the answers
/// and, without a pace, asks again; with a pace, a second one asks.
template <class Method>
class unary_load {
public:
  unary_load(const api_load& load,
             const std::vector<std::shared_ptr<grpc::Channel>>& channels)
      : load_{load}, callers_(channels.size()) {
    for (std::size_t i = 0; i < channels.size(); ++i) {
      callers_[i].stub = Method::service::NewStub(channels[i]);
      idle_.push_back(&callers_[i]);
    }
  }

  void run(clock::time_point until) {
    if (load_.paced > 0) {
      std::thread pacer{[&] { ask_at_pace(until); }};
      while (take_answer() != nullptr)
        ;
      pacer.join();
      return;
    }
    auto under_way = callers_.size();
    for (auto& each : callers_)
      ask(each, clock::now());
    while (under_way > 0) {
      auto* answered = take_answer();
      if (clock::now() < until && fault.empty())
        ask(*answered, clock::now());
      else
        --under_way;
    }
  }

  std::uint64_t done = 0;
  std::vector<double> us; ///< Of each request.
  std::string fault;

private:
  struct caller {
    std::unique_ptr<typename Method::service::Stub> stub;
    std::optional<grpc::ClientContext> context;
    typename Method::reply reply;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<typename Method::reply>>
        call;
    clock::time_point due;
  };

  void ask(caller& by, clock::time_point due) {
    by.context.emplace();
    by.due = due;
    by.call = Method::prepare(*by.stub, &*by.context,
                              Method::request(load_.batch, number_), &queue_);
    by.call->StartCall();
    by.call->Finish(&by.reply, &by.status, &by);
  }

  /// Who was answered is idle then. @returns Null after the last answer.
  caller* take_answer() {
    void* tag = nullptr;
    bool ok = false;
    if (!queue_.Next(&tag, &ok))
      return nullptr;
    auto* answered = static_cast<caller*>(tag);
    us.push_back(
        std::chrono::duration<double, std::micro>(clock::now() - answered->due)
            .count());
    const bool good = answered->status.ok()
                      && Method::is_good(answered->reply, load_.batch);
    if (good)
      done += static_cast<std::uint64_t>(load_.batch);
    if (load_.paced > 0) {
      const std::lock_guard lock{mutex_};
      idle_.push_back(answered);
    }
    if (!good && fault.empty())
      fault = answered->status.ok() ? "a task was not placed"
                                    : answered->status.error_message();
    wake_.notify_one();
    return answered;
  }

  /// A request that is due waits when all callers wait for answers; that counts
  /// as its time.
  void ask_at_pace(clock::time_point until) {
    const auto gap = in_seconds(1 / load_.paced);
    for (auto due = clock::now(); due < until; due += gap) {
      std::this_thread::sleep_until(due);
      const auto woken = clock::now();
      std::unique_lock lock{mutex_};
      const bool waits = idle_.empty();
      wake_.wait(lock, [&] { return !idle_.empty(); });
      auto& by = *idle_.back();
      idle_.pop_back();
      lock.unlock();
      ask(by, waits ? due : woken);
    }
    std::unique_lock lock{mutex_};
    wake_.wait(lock, [&] { return idle_.size() == callers_.size(); });
    queue_.Shutdown();
  }

  const api_load& load_;
  std::vector<caller> callers_;
  grpc::CompletionQueue queue_;
  std::uint64_t number_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<caller*> idle_; ///< Under `mutex_`; only with a pace.
};

// -- streams ------------------------------------------------------------------

struct stream_run {
  std::uint64_t done = 0;
  std::vector<double> us; ///< Of each request.
  std::string fault;
};

/// Keeps a window of requests in flight on one stream.
stream_run decide_in_a_stream(const std::shared_ptr<grpc::Channel>& channel,
                              const api_load& load, clock::time_point until) {
  constexpr int window = 32;
  stream_run run;
  auto stub = v1::Decisions::NewStub(channel);
  grpc::ClientContext context;
  auto stream = stub->DecideStream(&context);
  std::uint64_t number = 0;
  std::array<clock::time_point, window> sent{};
  int in_flight = 0;
  std::uint64_t written = 0;
  std::uint64_t answered = 0;
  v1::DecideReply reply;
  for (bool more = true; more || in_flight > 0;) {
    more = more && clock::now() < until;
    if (more && in_flight < window) {
      sent[written++ % window] = clock::now();
      stream->Write(decide_request(load.batch, number));
      ++in_flight;
      continue;
    }
    if (!stream->Read(&reply) || reply.error_code() != 0) {
      run.fault = reply.error_message().empty() ? "the stream has ended"
                                                : reply.error_message();
      break;
    }
    --in_flight;
    run.us.push_back(std::chrono::duration<double, std::micro>(
                         clock::now() - sent[answered++ % window])
                         .count());
    run.done += static_cast<std::uint64_t>(placed_in(reply));
  }
  stream->WritesDone();
  context.TryCancel();
  (void)stream->Finish(); // Cancelled by ourselves.
  return run;
}

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty())
    return 0;
  const auto rank
      = static_cast<std::size_t>(static_cast<double>(sorted.size()) * share);
  return sorted[std::min(sorted.size() - 1, rank)];
}

template <class Run>
result<load_figures> summarise(Run& run, double seconds, double cpu) {
  if (!run.fault.empty())
    return error{error_code::io_failed, run.fault};
  std::ranges::sort(run.us);
  return load_figures{.done = run.done,
                      .seconds = seconds,
                      .p50_us = quantile(run.us, 0.5),
                      .p99_us = quantile(run.us, 0.99),
                      .cpu_seconds = cpu};
}

} // namespace

result<load_figures> put_load(const std::string& address, const api_load& load,
                              const std::function<void()>& connected) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < load.callers; ++i) {
    auto channel = connect(address);
    if (!channel)
      return channel.failure();
    channels.push_back(std::move(*channel));
  }
  connected();
  const auto cpu = process_cpu_seconds();
  const auto begun = clock::now();
  const auto until = begun + in_seconds(load.seconds);
  const auto figures = [&](auto& run) {
    const std::chrono::duration<double> took = clock::now() - begun;
    return summarise(run, took.count(), process_cpu_seconds() - cpu);
  };
  if (load.what == api_load::kind::decide_in_a_stream) {
    auto run = decide_in_a_stream(channels.front(), load, until);
    return figures(run);
  }
  if (load.what == api_load::kind::decide) {
    unary_load<decide_method> run{load, channels};
    run.run(until);
    return figures(run);
  }
  unary_load<submit_method> run{load, channels};
  run.run(until);
  return figures(run);
}

} // namespace skerry
