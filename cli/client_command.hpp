#pragma once

#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/report.hpp"
#include "messages/skerry/v1/jobs.pb.h"

#include <functional>
#include <optional>
#include <string>

namespace skerry {

// What the commands that ask a cluster have in common.

/// The cluster that the configuration names. Nothing is connected yet.
result<client> client_of(const global_flags& globals);

/// A result in both of its forms.
struct view {
  json data;
  std::string text;
};

result<> print(console& out, const view& what);

/// Prints what `look` returns; with `watch` again whenever it has changed, as
/// looked at every second, until the process is ended: on a terminal in place,
/// elsewhere below, as JSON a line each. A look that fails after the first is
/// noted and tried again: a server that starts anew is worth waiting for.
ending show(console& out, bool watch,
            const std::function<result<view>()>& look);

/// The status of the job, whole.
result<v1::JobStatus> job_status(client& cluster, const std::string& id);

struct found_task {
  v1::JobStatus job;
  v1::TaskStatus task;
};

/// The task of this id, or the only task of the job of this id.
result<found_task> find_task(client& cluster, const std::string& name);

/// Notes on stderr, once, while the cluster is away; gives up after a while.
class patience {
public:
  explicit patience(const console& out) : out_{out} {}

  /// Whether to try again after a call that ended so.
  bool bears(const error& failure);
  void calm() { since_milliseconds_.reset(); }

private:
  const console& out_;
  std::optional<std::int64_t> since_milliseconds_;
};

} // namespace skerry
