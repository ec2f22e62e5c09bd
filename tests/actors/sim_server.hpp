#pragma once

#include "actors/shared_role.hpp"
#include "tests/actors/sim_world.hpp"

namespace skerry::testing {

/// JOBS and ALLOCATOR over a disk that keeps what was synced, and nothing else.
class sim_server {
public:
  sim_server(sim_world& world, std::size_t number);

  void start();
  /// Everything in memory is gone, and what was not synced.
  void crash();
  /// Stops for a while, as with SIGSTOP; what arrives waits.
  void pause(std::int64_t milliseconds);
  void resume();
  bool is_up() const { return jobs_ != nullptr; }
  const std::string& name() const { return name_; }
  std::uint64_t incarnation() const { return incarnation_; }

  void take(mesh::v1::Envelope envelope);
  void take(link_id link, v1::AgentMessage message);
  void closed(link_id link);
  void hear_from(std::size_t peer);

  using jobs_call = std::function<void(jobs&, instant, outbox&)>;
  using allocator_call = std::function<void(allocator&, instant, outbox&)>;
  /// Lost when the server is down, or goes down before it comes to it.
  void call(jobs_call what);
  void call(allocator_call what);

  /// Asks without a reservation, as callers of a server alone do: on the
  /// caller's thread, or by a message when the ALLOCATOR is at work, as the
  /// seed has it.
  void decide(const v1::DecideRequest& request);

  /// For the checks at the end; the server is up.
  const jobs& owned() const { return *owned_; }
  const allocator& cell() const { return *cell_; }

private:
  void check_quotas(const jobs& owned) const;
  template <class Role, class Work>
  void with(std::unique_ptr<shared_role<Role>>& role, const Work& work);
  void check(const v1::DecideRequest& request,
             const result<v1::DecideReply>& reply, const outbox& out) const;
  void take_as_new(mesh::v1::Envelope envelope);
  void when_awake(std::function<void()> what);
  void hand_on(outbox out);
  void sync();
  void synced(std::size_t batches);
  void tear(const std::vector<store_write>& writes);
  void keep(const std::vector<store_write>& writes, std::size_t count);
  void release(outbox out);
  void tick();
  void beat();
  void update_peers();
  instant time() const;

  sim_world& world_;
  std::size_t number_;
  std::string name_;
  std::map<std::string, std::string> disk_;
  std::map<std::string, std::string> before_sync_;    ///< For a planted fault.
  std::uint64_t last_award_ = std::uint64_t{1} << 60; ///< Of a planted fault.
  std::uint64_t epoch_ = 0;
  std::uint64_t incarnation_ = 0;
  std::unique_ptr<shared_role<jobs>> jobs_;
  std::unique_ptr<shared_role<allocator>> allocator_;
  jobs* owned_ = nullptr; ///< What the above share.
  allocator* cell_ = nullptr;
  std::deque<outbox> to_sync_;
  std::size_t syncing_ = 0;                   ///< The first of them.
  std::map<std::size_t, std::int64_t> heard_; ///< By peer.
  std::vector<std::string> reachable_;
  std::int64_t steady_base_ = 0; ///< Each start has a clock of its own.
  bool paused_ = false;
  std::deque<std::function<void()>> waiting_; ///< While it is paused.
};

} // namespace skerry::testing
