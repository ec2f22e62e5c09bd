#include "api/watch_stream.hpp"

#include "api/serial_stream.hpp"
#include "api/status.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace skerry {
namespace {

using std::chrono::milliseconds;

/// A quiet job is looked at every so many intervals.
constexpr int slowest_intervals = 10;
/// A JOBS that does not answer may be busy: so often in a row is too often.
constexpr int patience = 3;

bool is_over(const v1::JobStatus& status) {
  return status.state() == v1::FINISHED || status.state() == v1::FAILED
         || status.state() == v1::CANCELLED;
}

/// All that counts as a change. A job has no maps but in what never changes,
/// so equal statuses have equal bytes.
std::string essence_of(v1::JobStatus status) {
  status.clear_job();
  for (auto& task : *status.mutable_tasks())
    task.clear_usage();
  return status.SerializeAsString();
}

class watch_stream final : public serial_stream<v1::JobStatus> {
public:
  watch_stream(service_context& in, v1::GetJobRequest request)
      : serial_stream{in}, request_{std::move(request)} {}

private:
  void resume() override {
    if (last_was_sent_)
      return finish(grpc::Status::OK);
    if (sent_now_) { // What was written is on its way; look again later.
      sent_now_ = false;
      return sleep(pause_);
    }
    ask<v1::GetJobRequest, v1::JobStatus>(
        &cluster_gateway::job, request_,
        [this](result<v1::JobStatus> outcome) { look(std::move(outcome)); });
  }

  void look(result<v1::JobStatus> outcome) {
    if (!outcome) {
      const bool passes = outcome.failure().code == error_code::unreachable
                          || outcome.failure().code == error_code::io_failed;
      if (!passes || ++failures_ == patience)
        return finish(to_status(outcome.failure()));
      return sleep(pause_);
    }
    failures_ = 0;
    auto essence = essence_of(*outcome);
    // A millisecond for each ten tasks: 10 000 tasks are 1 MiB each time.
    const auto least = std::max(in_.watch_interval,
                                milliseconds{outcome->tasks_size() / 10});
    if (essence == essence_) {
      pause_ = std::clamp(pause_ * 3 / 2, least, least * slowest_intervals);
      return sleep(pause_);
    }
    essence_ = std::move(essence);
    pause_ = least;
    sent_now_ = true;
    last_was_sent_ = is_over(*outcome);
    write(std::move(*outcome));
  }

  v1::GetJobRequest request_;
  milliseconds pause_{in_.watch_interval};
  std::string essence_; ///< Of what was sent last; no status has an empty one.
  int failures_ = 0;    ///< In a row.
  bool sent_now_ = false;
  bool last_was_sent_ = false;
};

} // namespace

grpc::ServerWriteReactor<v1::JobStatus>*
watch_job(service_context& in, grpc::CallbackServerContext& call,
          v1::GetJobRequest request) {
  return watch_stream::open(
      std::make_shared<watch_stream>(in, std::move(request)), call);
}

} // namespace skerry
