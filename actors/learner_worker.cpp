#include "actors/learner_worker.hpp"

#include "actors/idle_thread.hpp"
#include "messages/weights_file.hpp"
#include "scheduling/assert.hpp"
#include "storage/whole_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <system_error>
#include <utility>

namespace skerry {
namespace {

/// Of CPU time, checked between steps: a step of 256 takes some milliseconds.
constexpr double slice_seconds = 0.005;
constexpr double longest_pause_seconds = 1;
/// While there is nothing to do.
constexpr std::int64_t idle_milliseconds = 200;
/// What has failed is tried again after that: LibTorch may be installed.
constexpr std::int64_t retry_milliseconds = 60'000;

double wall_now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

} // namespace

result<> validate(const server_learner_options& options) {
  if (!(options.cpu_share > 0 && options.cpu_share <= 1))
    return {error_code::invalid_argument,
            fmt::format("learner: a CPU share of {}, must be above 0 and at "
                        "most 1",
                        options.cpu_share)};
  if (options.checkpoint_milliseconds < 100)
    return {error_code::invalid_argument,
            "learner: less than 0.1 s between checkpoints"};
  if (auto ok = validate(options.learning); !ok)
    return ok;
  return validate(options.replay);
}

// -- the board ----------------------------------------------------------------

void learner_board::show(v1::LearnerStatus status) {
  const std::lock_guard lock{mutex_};
  status_ = std::move(status);
}

std::optional<v1::LearnerStatus> learner_board::status() const {
  const std::lock_guard lock{mutex_};
  return status_;
}

// -- the worker ---------------------------------------------------------------

learner_worker::learner_worker(learner_worker_options options)
    : options_{std::move(options)}, servers_{options_.server} {
  SKERRY_ASSERT(validate(options_.learner));
  SKERRY_ASSERT(options_.from);
}

void learner_worker::log(const std::string& line) const {
  if (options_.log)
    options_.log("learner " + line);
}

bool learner_worker::is_active() const {
  return options_.server == *servers_.begin();
}

std::uint64_t learner_worker::steps() const {
  return learner_ ? learner_->weights().origin.steps
         : kept_  ? kept_->origin.steps
                  : 0;
}

/// With where they come from.
network_weights learner_worker::current() const {
  auto out = learner_->weights();
  out.origin.trained_on
      = fmt::format("experience of {}'s cluster", options_.server);
  out.origin.made_by = fmt::format("skerry {}", options_.version);
  out.origin.command = "the learner of a running cluster";
  if (!published_id_.empty())
    out.origin.parents = {published_id_};
  return out;
}

void learner_worker::begin() {
  if (options_.learner.when_idle)
    run_when_idle();
  cpu_at_start_ = own_cpu_seconds();
  begun_ = true;
  resume();
}

/// A checkpoint that cannot be read is no reason not to serve: it is set aside
/// for whoever wants to look, and another training begins.
void learner_worker::resume() {
  const auto& file = options_.checkpoint;
  if (file.empty())
    return;
  const auto kept = read_whole_file(file, max_weights_bytes);
  if (!kept && kept.failure().code == error_code::not_found)
    return;
  auto read = kept ? read_weights(*kept, file.string())
                   : result<network_weights>{kept.failure()};
  const auto fits
      = read ? validate(
            *read, experience_schema(),
            layout_of(experience_network(options_.learner.learning.hidden)))
             : result<>{read.failure()};
  if (fits) {
    kept_ = *std::move(read);
    kept_steps_ = kept_->origin.steps;
    return log(fmt::format("resumed steps={}", kept_steps_));
  }
  auto aside = file;
  aside += ".aside";
  std::error_code fault;
  std::filesystem::rename(file, aside, fault);
  trouble_ = fmt::format("began anew: {}{}", fits.failure().message,
                         fault ? "" : ", set aside as " + aside.string());
  log(trouble_);
}

bool learner_worker::become_active() {
  auto made = learner::make(options_.learner.learning, kept_,
                            options_.learner.module_file);
  if (!made) {
    fail(made.failure().message);
    return false;
  }
  learner_ = *std::move(made);
  resumed_ = kept_ ? kept_->origin.steps : 0;
  log(fmt::format("trains from steps={} on={}", resumed_, learner_->device()));
  return true;
}

/// What it has learned, whoever goes on shall have.
void learner_worker::become_standby(instant now, outbox& out) {
  keep(now);
  share(out);
  steps_here_ += learner_->figures().steps;
  rollbacks_ += learner_->figures().rollbacks;
  learner_.reset();
  log(fmt::format("stands by, {} trains", *servers_.begin()));
}

void learner_worker::fail(const std::string& why) {
  if (std::exchange(trouble_, why) != why)
    log(why);
}

std::int64_t learner_worker::work(instant now, outbox& out) {
  if (options_.stop && *options_.stop)
    return 1'000;
  const auto wall = wall_now();
  const auto cpu = own_cpu_seconds();
  if (!begun_)
    begin();
  if (!is_active()) {
    if (learner_)
      become_standby(now, out);
    show();
    return idle_milliseconds;
  }
  if (!learner_) {
    if (now.steady_milliseconds < retry_at_)
      return idle_milliseconds;
    if (!become_active()) {
      retry_at_ = now.steady_milliseconds + retry_milliseconds;
      show();
      return idle_milliseconds;
    }
    keep_at_
        = now.steady_milliseconds + options_.learner.checkpoint_milliseconds;
  }
  train(now, out);
  if (now.steady_milliseconds >= keep_at_) {
    keep(now);
    share(out);
  }
  show();
  if (starved_)
    return idle_milliseconds;
  const auto used = own_cpu_seconds() - cpu;
  const auto pause = used / options_.learner.cpu_share - (wall_now() - wall);
  return static_cast<std::int64_t>(
      std::ceil(std::clamp(pause, 0.0, longest_pause_seconds) * 1000));
}

void learner_worker::train(instant now, outbox&) {
  const auto cpu = own_cpu_seconds();
  starved_ = false;
  while (own_cpu_seconds() - cpu < slice_seconds
         && !(options_.stop && *options_.stop)) {
    const auto due = learner_->step(*options_.from);
    if (!due && due.failure().code == error_code::insufficient) {
      starved_ = true;
      return;
    }
    if (!due) {
      fail(due.failure().message);
      steps_here_ += learner_->figures().steps;
      rollbacks_ += learner_->figures().rollbacks;
      learner_.reset(); // From the last checkpoint, later.
      retry_at_ = now.steady_milliseconds + retry_milliseconds;
      starved_ = true;
      return;
    }
    if (*due)
      publish();
  }
}

void learner_worker::publish() {
  published_weights out{current(), {}};
  out.id = weights_id(out.weights);
  published_id_ = out.id;
  ++published_;
  log(fmt::format("published steps={} id={:.12}", out.weights.origin.steps,
                  out.id));
  if (options_.publish)
    options_.publish(out);
}

// -- what it leaves -----------------------------------------------------------

void learner_worker::keep(instant now) {
  keep_at_ = now.steady_milliseconds + options_.learner.checkpoint_milliseconds;
  if (learner_)
    kept_ = current();
  if (!kept_ || kept_->origin.steps == kept_steps_
      || options_.checkpoint.empty())
    return;
  std::error_code fault; // The write says it better.
  std::filesystem::create_directories(options_.checkpoint.parent_path(), fault);
  if (auto kept = write_whole_file(options_.checkpoint, weights_bytes(*kept_));
      !kept)
    return fail(kept.failure().message);
  kept_steps_ = kept_->origin.steps;
  checkpointed_at_ = now.unix_milliseconds;
}

void learner_worker::share(outbox& out) const {
  if (!kept_ || kept_->origin.steps == 0)
    return;
  const auto sealed = weights_bytes(*kept_);
  for (const auto& server : servers_) {
    if (server == options_.server)
      continue;
    auto& envelope = out.envelopes.emplace_back();
    envelope.set_from(options_.server);
    envelope.set_to(server);
    envelope.set_role(mesh::v1::Envelope::LEARNER);
    envelope.mutable_weights()->set_sealed(sealed);
  }
}

/// Weights of more steps win; who trains goes on from them.
void learner_worker::take(const mesh::v1::Envelope& envelope, instant now,
                          outbox&) {
  if (!envelope.has_weights())
    return;
  if (!begun_)
    begin(); // What is on the disk may be better.
  auto read = read_weights(envelope.weights().sealed(),
                           "weights of " + envelope.from());
  if (read)
    if (auto fits = validate(
            *read, experience_schema(),
            layout_of(experience_network(options_.learner.learning.hidden)));
        !fits)
      read = fits.failure();
  if (!read)
    return log("refused " + read.failure().message);
  if (read->origin.steps <= steps())
    return;
  if (learner_) {
    steps_here_ += learner_->figures().steps;
    rollbacks_ += learner_->figures().rollbacks;
    learner_.reset();
  }
  kept_ = *std::move(read);
  keep(now);
}

void learner_worker::set_learners(std::set<std::string> servers) {
  servers_ = std::move(servers);
  servers_.insert(options_.server);
}

void learner_worker::finish(instant now) {
  if (begun_)
    keep(now);
}

void learner_worker::show() {
  if (!options_.board)
    return;
  v1::LearnerStatus status;
  status.set_server(options_.server);
  const auto figures = learner_ ? learner_->figures() : learner_figures{};
  status.set_state(!is_active() ? v1::LearnerStatus::STANDBY
                   : !learner_  ? v1::LearnerStatus::FAILED
                   : starved_   ? v1::LearnerStatus::WAITING
                                : v1::LearnerStatus::TRAINING);
  status.set_steps(resumed_ + figures.steps);
  if (!learner_)
    status.set_steps(steps());
  status.set_steps_here(steps_here_ + figures.steps);
  status.set_policies_published(published_);
  status.set_weights(published_id_);
  status.set_rollbacks(rollbacks_ + figures.rollbacks);
  status.set_last_rollback(figures.last_rollback);
  status.set_value_loss(figures.value_loss);
  status.set_policy_loss(figures.policy_loss);
  status.set_entropy(figures.entropy);
  status.set_divergence(figures.divergence);
  status.set_learning_rate(figures.learning_rate);
  status.set_resumed_steps(resumed_);
  status.set_checkpoint_unix_milliseconds(checkpointed_at_);
  status.set_cpu_seconds(own_cpu_seconds() - cpu_at_start_);
  if (learner_)
    status.set_device(learner_->device());
  status.set_trouble(trouble_);
  options_.board->show(std::move(status));
}

} // namespace skerry
