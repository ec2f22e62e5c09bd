#pragma once

#include "actors/outbox.hpp"
#include "messages/skerry/v1/jobs.pb.h"
#include "scheduling/task_sizer.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skerry {

struct cell_resizer_options {
  /// The most that is done, whatever tasks ask for.
  v1::ResizeMode mode = v1::RESIZE_AUTO;
  sizing_rules rules = {.cpu = shipped_resize_policy()};
  /// Between two looks at a task's size; better no shorter than agents report.
  std::int64_t interval_milliseconds = 15'000;
  /// Resizes ordered in a second: each is a record on disk here and one at an
  /// agent.
  double most_per_second = 50;
  /// Tasks looked at in one call of `due`: some microseconds each.
  std::size_t most_at_once = 64;
  /// Tasks that are watched, a few kilobytes each; later ones are not.
  std::size_t max_tasks = 100'000;
};

/// What of two modes does less.
v1::ResizeMode more_careful(v1::ResizeMode one, v1::ResizeMode other);

/// Watches the running tasks of a cell that may be resized, and says which size
/// each ought to have. The ALLOCATOR does it, and tells what came of it:
///
///     usage --> see      due --> look --> (ledger, agent) --> done | refused
///
/// What it knows is lost with its server: sizes stay, and are changed again
/// when enough has been seen. Nothing depends on it.
class cell_resizer {
public:
  /// A task that is watched.
  class watched {
  public:
    const std::string& task() const { return task_; }

  private:
    friend class cell_resizer;

    watched(std::string task, const sizing_rules& rules, task_size least,
            task_size most)
        : task_{std::move(task)}, sizer_{rules, least, most} {}

    std::string task_;
    task_sizer sizer_;
    v1::ResizeMode mode_ = v1::RESIZE_RECOMMEND;
    std::pair<std::int64_t, std::uint64_t> due_; ///< When, and which in order.
    std::optional<size_proposal> proposal_;      ///< The last.
    std::string waits_for_;
    bool shrinks_memory_ = false; ///< What was ordered last.
    std::string ordered_reason_;  ///< Likewise.
    std::uint64_t resizes_ = 0;
    std::int64_t resized_unix_milliseconds_ = 0;
    std::string resized_reason_;
  };

  explicit cell_resizer(cell_resizer_options options);

  /// @returns Nothing for a task that is not to be resized or of a fixed size,
  ///          or when there are too many. Else what stands for it, until it is
  ///          forgotten.
  watched* watch(const std::string& task, const v1::TaskProfile& profile,
                 instant now);
  void forget(const watched* task);
  static void see(watched& task, const v1::Usage& usage);

  /// Those whose interval is over, to be looked at; not all at once.
  std::vector<watched*> due(instant now);
  /// @param has What it has now.
  /// @returns What it is to have, when that is to be done.
  std::optional<resources> look(watched& task, const resources& has);

  /// The order has been sent, perhaps for less than was wanted, and then why.
  void ordered(watched& task, const resources& from, const resources& to,
               std::string waits_for);
  /// Nothing was ordered.
  static void waits(watched& task, std::string why);
  /// The agent has done it.
  void done(watched& task, std::int64_t unix_milliseconds);
  void refused(watched& task, const error& why);

  /// Fills in what is known here.
  void describe(const watched& task, v1::TaskSize& into) const;
  /// In order of their names, beginning after one.
  std::vector<const watched*> list(const std::string& after,
                                   std::size_t limit) const;
  std::uint64_t resizes() const { return resizes_; }

private:
  cell_resizer_options options_;
  std::map<std::string, std::unique_ptr<watched>> tasks_;
  std::map<std::pair<std::int64_t, std::uint64_t>, watched*> due_;
  std::uint64_t next_number_ = 1;
  std::uint64_t resizes_ = 0;
  double allowed_ = 0; ///< Orders, now.
  std::int64_t counted_at_ = 0;
};

} // namespace skerry
