#include "tests/actors/sim_server.hpp"

#include "messages/convert.hpp"

namespace skerry::testing {

namespace {

constexpr std::int64_t tick_milliseconds = 50;
constexpr std::int64_t beat_milliseconds = 250;
constexpr std::int64_t peer_timeout = 1'000;
constexpr std::int64_t unix_base = 1'700'000'000'000;

} // namespace

sim_server::sim_server(sim_world& world, std::size_t number)
    : world_{world}, number_{number}, name_{fmt::format("s{}", number)} {}

instant sim_server::time() const {
  return {steady_base_ + world_.clock.now(), unix_base + world_.clock.now()};
}

void sim_server::start() {
  if (world_.bug != planted::same_epoch_again || epoch_ == 0)
    ++epoch_;
  ++incarnation_;
  steady_base_ = world_.between(0, 1'000'000);
  jobs_options of_jobs;
  of_jobs.server = name_;
  of_jobs.epoch = epoch_;
  of_jobs.award_batch = 4;
  of_jobs.award_window = 2;
  of_jobs.resend_milliseconds = 400;
  of_jobs.bid_milliseconds = 100;
  of_jobs.age_milliseconds = 2'000;
  of_jobs.share.half_life_milliseconds = 5'000;
  // As much as the largest gang may come to hold.
  of_jobs.tenants = {{"a", 1, {{12'000, 18LL << 30, 0}}}, {"b", 3, {}}};
  allocator_options of_cell;
  of_cell.server = name_;
  of_cell.epoch = epoch_;
  of_cell.lease_milliseconds = sim_lease;
  of_cell.lease_margin_milliseconds = sim_margin;
  of_cell.heartbeat_milliseconds = sim_heartbeat;
  of_cell.resend_milliseconds = 300;
  of_cell.report_batch = 3;
  of_cell.first_pause_milliseconds = 30;
  of_cell.last_pause_milliseconds = 500;
  auto owned = std::make_unique<jobs>(of_jobs);
  auto cell = std::move(*allocator::make(of_cell));
  for (const auto& [key, value] : disk_) {
    if (auto ok = owned->recover(key, value); !ok)
      world_.fail("JOBS cannot recover: " + ok.failure().message);
    if (auto ok = cell->recover(key, value); !ok)
      world_.fail("ALLOCATOR cannot recover: " + ok.failure().message);
  }
  if (auto ok = owned->finish_recovery(); !ok)
    world_.fail("JOBS cannot start: " + ok.failure().message);
  if (auto ok = cell->finish_recovery(time()); !ok)
    world_.fail("ALLOCATOR cannot start: " + ok.failure().message);
  owned_ = owned.get();
  cell_ = cell.get();
  jobs_ = std::make_unique<shared_role<jobs>>(std::move(owned));
  allocator_ = std::make_unique<shared_role<allocator>>(std::move(cell));
  world_.trace("{} starts, epoch {}", name_, epoch_);
  heard_.clear();
  reachable_.clear();
  update_peers();
  tick();
  beat();
}

void sim_server::crash() {
  if (!is_up())
    return;
  ++world_.figures.crashes;
  // The disk may have done what it could not acknowledge any more.
  const auto done = world_.random.below(syncing_ + 1);
  for (std::size_t i = 0; i < done; ++i)
    keep(to_sync_[i].writes, to_sync_[i].writes.size());
  if (world_.bug == planted::loses_what_it_synced)
    disk_ = before_sync_;
  world_.trace("{} crashes, loses {} of {} outboxes", name_,
               to_sync_.size() - done, to_sync_.size());
  to_sync_.clear();
  syncing_ = 0;
  jobs_.reset();
  allocator_.reset();
  waiting_.clear();
  paused_ = false;
  ++incarnation_;
  world_.break_streams_of_server(number_);
}

void sim_server::pause(std::int64_t milliseconds) {
  if (!is_up() || paused_)
    return;
  world_.trace("{} stops for {} ms", name_, milliseconds);
  paused_ = true;
  world_.clock.after(milliseconds, [this, life = incarnation_] {
    if (life == incarnation_)
      resume();
  });
}

void sim_server::resume() {
  if (!paused_)
    return;
  world_.trace("{} goes on", name_);
  paused_ = false;
  auto waiting = std::exchange(waiting_, {});
  for (auto& what : waiting)
    when_awake(std::move(what));
}

void sim_server::when_awake(std::function<void()> what) {
  if (!is_up())
    return;
  if (paused_)
    waiting_.push_back(std::move(what));
  else
    what();
}

void sim_server::check_quotas(const jobs& owned) const {
  const auto all = owned.tenants();
  for (const auto& one : all.tenants())
    if (one.quota().cpu_millicores() > 0
        && (one.held().cpu_millicores() > one.quota().cpu_millicores()
            || one.held().memory_bytes() > one.quota().memory_bytes()))
      world_.fail(
          fmt::format("{}: tenant {} is over its quota", name_, one.name()));
}

template <class Role, class Work>
void sim_server::with(std::unique_ptr<shared_role<Role>>& role,
                      const Work& work) {
  outbox out;
  role->use([&](Role& state) {
    work(state, time(), out);
    if (auto sound = state.check_invariants(); !sound)
      world_.fail(fmt::format("{}: {}", name_, sound.failure().message));
    if constexpr (std::is_same_v<Role, jobs>)
      check_quotas(state);
  });
  if (!out.empty())
    hand_on(std::move(out));
}

void sim_server::take(mesh::v1::Envelope envelope) {
  when_awake([this, envelope = std::move(envelope)] {
    if (!envelope.has_cell_freed())
      world_.trace("{} hears {}", name_, envelope.ShortDebugString());
    const auto work = [&](auto& role, instant now, outbox& out) {
      role.take(envelope, now, out);
    };
    if (envelope.has_award_batch()
        && world_.bug == planted::cell_takes_late_awards)
      return take_as_new(envelope);
    if (envelope.role() == mesh::v1::Envelope::JOBS)
      with(jobs_, work);
    else if (envelope.role() == mesh::v1::Envelope::ALLOCATOR)
      with(allocator_, work);
  });
}

/// Under a number that no award has had, so that the cell does not see that it
/// is late. The answer bears the old one again.
void sim_server::take_as_new(mesh::v1::Envelope envelope) {
  auto& batch = *envelope.mutable_award_batch();
  const auto number = batch.number();
  batch.set_number(++last_award_);
  with(allocator_, [&](allocator& cell, instant now, outbox& out) {
    cell.take(envelope, now, out);
    for (auto& each : out.envelopes)
      if (each.has_award_reply())
        each.mutable_award_reply()->set_number(number);
  });
}

void sim_server::take(link_id link, v1::AgentMessage message) {
  when_awake([this, link, message = std::move(message)] {
    with(allocator_, [&](allocator& cell, instant now, outbox& out) {
      cell.take(message, link, now, out);
    });
  });
}

void sim_server::closed(link_id link) {
  when_awake([this, link] {
    with(allocator_,
         [&](allocator& cell, instant now, outbox&) { cell.close(link, now); });
  });
}

void sim_server::call(jobs_call what) {
  when_awake([this, what = std::move(what)] { with(jobs_, what); });
}

void sim_server::call(allocator_call what) {
  when_awake([this, what = std::move(what)] { with(allocator_, what); });
}

// -- decisions without a reservation ------------------------------------------

void sim_server::decide(const v1::DecideRequest& request) {
  const auto answer
      = [this, request](allocator& cell, instant now, outbox& out) {
          const auto reply = cell.decide(request, now, out);
          check(request, reply, out);
          out.decisions.clear(); // What is only asked changes nothing.
        };
  const auto at_once = [this, answer] {
    outbox out;
    return allocator_->try_use(
        [&](allocator& cell) { answer(cell, time(), out); });
  };
  when_awake([this, answer, at_once] {
    if (world_.chance(700)) {
      if (!at_once())
        world_.fail("an ALLOCATOR without work does not let callers decide");
      ++world_.figures.decided_at_once;
      return;
    }
    with(allocator_, [&](allocator&, instant, outbox&) {
      if (at_once())
        world_.fail("two use one ALLOCATOR");
    });
    ++world_.figures.decided_by_message;
    with(allocator_, answer);
  });
}

/// Whichever way it was decided: nothing has changed, and what one task was
/// promised is there.
void sim_server::check(const v1::DecideRequest& request,
                       const result<v1::DecideReply>& reply,
                       const outbox& out) const {
  if (!reply)
    world_.fail("no decision: " + reply.failure().message);
  if (!out.writes.empty() || !out.envelopes.empty() || !out.to_agents.empty())
    world_.fail("a decision without a reservation wants something done");
  if (auto sound = cell_->check_invariants(); !sound)
    world_.fail(fmt::format("{}: {}", name_, sound.failure().message));
  if (reply->decisions_size() != request.tasks_size())
    world_.fail("not every task has a decision");
  const auto& decision = reply->decisions(0);
  if (!decision.placed())
    return;
  const auto& nodes = cell_->state().nodes();
  const auto node = nodes.find(decision.node());
  if (!node || nodes.condition(*node) != node_condition::ready
      || !from_proto(request.tasks(0).demand()).fits_in(nodes.free(*node)))
    world_.fail("a task would go to where it does not fit");
}

// -- the disk -----------------------------------------------------------------

void sim_server::hand_on(outbox out) {
  if (world_.bug == planted::answers_before_sync) {
    auto writes = out.writes;
    release(std::move(out));
    out = {};
    out.writes = std::move(writes);
  }
  outbox bids;
  bids.envelopes = out.take_bids();
  release(std::move(bids));
  if (out.empty())
    return;
  to_sync_.push_back(std::move(out));
  sync();
}

/// As many at once as wait.
void sim_server::sync() {
  if (syncing_ > 0 || to_sync_.empty())
    return;
  syncing_ = to_sync_.size();
  std::size_t writes = 0;
  for (const auto& out : to_sync_)
    writes += out.writes.size();
  std::int64_t lasts = 0;
  if (writes > 0)
    lasts = world_.chance(20) ? world_.between(50, 400) : world_.between(1, 8);
  world_.clock.after(lasts, [this, life = incarnation_] {
    if (life == incarnation_)
      when_awake([this] { synced(syncing_); });
  });
}

void sim_server::synced(std::size_t batches) {
  if (world_.bug == planted::loses_what_it_synced)
    before_sync_ = disk_;
  for (std::size_t i = 0; i < batches; ++i) {
    auto out = std::move(to_sync_.front());
    to_sync_.pop_front();
    if (world_.bug == planted::torn_commit && !world_.calm
        && out.writes.size() > 1 && world_.chance(30))
      return tear(out.writes);
    keep(out.writes, out.writes.size());
    release(std::move(out));
  }
  syncing_ = 0;
  sync();
}

/// Crashes in the middle of these writes.
void sim_server::tear(const std::vector<store_write>& writes) {
  keep(writes, 1 + world_.random.below(writes.size() - 1));
  syncing_ = 0; // Nothing of the rest was done.
  crash();
  world_.clock.after(world_.between(10, 500), [this] {
    if (!is_up())
      start();
  });
}

void sim_server::keep(const std::vector<store_write>& writes,
                      std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (writes[i].value)
      disk_[writes[i].key] = *writes[i].value;
    else
      disk_.erase(writes[i].key);
}

void sim_server::release(outbox out) {
  for (auto& envelope : out.envelopes) {
    envelope.set_from(name_);
    if (envelope.to() == name_) {
      world_.clock.after(
          0, [this, life = incarnation_, envelope = std::move(envelope)] {
            if (life == incarnation_)
              take(envelope);
          });
      continue;
    }
    const auto to = world_.index_of_server(envelope.to());
    world_.send(number_, to, [this, to, envelope = std::move(envelope)] {
      world_.servers[to]->take(envelope);
    });
  }
  for (auto& [link, message] : out.to_agents)
    world_.to_agent(link, std::move(message));
  for (const auto link : out.links_to_close)
    world_.break_stream(link);
  for (auto& reply : out.replies)
    reply();
}

// -- time and peers -----------------------------------------------------------

void sim_server::tick() {
  when_awake([this] {
    const auto work
        = [](auto& role, instant now, outbox& out) { role.tick(now, out); };
    with(jobs_, work);
    with(allocator_, work);
  });
  world_.clock.after(tick_milliseconds, [this, life = incarnation_] {
    if (life == incarnation_)
      tick();
  });
}

void sim_server::beat() {
  when_awake([this] {
    for (std::size_t peer = 0; peer < world_.servers.size(); ++peer)
      if (peer != number_)
        world_.send(number_, peer,
                    [this, peer] { world_.servers[peer]->hear_from(number_); });
    update_peers();
  });
  world_.clock.after(beat_milliseconds, [this, life = incarnation_] {
    if (life == incarnation_)
      beat();
  });
}

void sim_server::hear_from(std::size_t peer) {
  when_awake([this, peer] {
    heard_[peer] = world_.clock.now();
    update_peers();
  });
}

void sim_server::update_peers() {
  std::vector<std::string> known;
  std::vector<std::string> reachable;
  for (std::size_t peer = 0; peer < world_.servers.size(); ++peer) {
    const auto name = fmt::format("s{}", peer);
    if (peer == number_)
      continue;
    known.push_back(name);
    if (auto heard = heard_.find(peer);
        heard != heard_.end()
        && world_.clock.now() - heard->second < peer_timeout)
      reachable.push_back(name);
  }
  if (reachable == reachable_ && !heard_.empty())
    return;
  reachable_ = reachable;
  with(allocator_, [&](allocator& cell, instant, outbox& out) {
    cell.set_peers(known, reachable, out);
  });
  with(jobs_,
       [&](jobs& owned, instant, outbox&) { owned.set_peers(reachable); });
}

} // namespace skerry::testing
