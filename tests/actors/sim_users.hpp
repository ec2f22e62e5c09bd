#pragma once

#include "tests/actors/sim_world.hpp"

#include <optional>

namespace skerry::testing {

/// Who submits, cancels, reserves and operates, again and again until there is
/// an answer; remembers what was promised.
class sim_users {
public:
  explicit sim_users(sim_world& world);

  /// One more thing that somebody wants.
  void act();
  /// In the calm: nodes take all again, and reservations are given back.
  /// @param long_calm All servers have heard of each other and of all agents.
  void tidy_up(bool long_calm);
  void poll();
  /// All that was promised holds, and nothing is left to do.
  bool satisfied(std::string& why) const;
  /// Jobs that were acknowledged are there.
  void check_kept(std::size_t server) const;

private:
  struct user_job {
    v1::Job wire;
    std::size_t server = 0;
    bool acknowledged = false;
    bool to_cancel = false;
    bool cancelled = false;            ///< Acknowledged.
    bool hopeless = false;             ///< May run out of attempts.
    std::optional<std::size_t> parent; ///< A job that it is after.
    std::set<std::string> finished;    ///< Tasks that were seen so.
  };

  struct user_reservation {
    v1::DecideRequest wire;
    std::size_t server = 0;
    std::vector<std::string> ids; ///< Known once it is answered.
    bool answered = false;
    bool keep = false;
    bool confirmed = false;
    bool released = false;
  };

  v1::TaskGroup a_group();
  void new_job();
  void submit(std::size_t number);
  void cancel(std::size_t number);
  void resize();
  void ask();
  void reserve(std::size_t number);
  void command(std::size_t number, mesh::v1::ReservationCommand::Kind kind);
  void operate();
  void set_condition(const std::string& node, v1::NodeCondition condition);
  bool may_be_cut(std::size_t number) const;
  void seen(std::size_t number, const v1::JobStatus& status);

  sim_world& world_;
  std::vector<user_job> jobs_;
  std::vector<user_reservation> reservations_;
  std::map<std::string, std::uint64_t> asked_sizes_; ///< Times, by task.
};

} // namespace skerry::testing
