#pragma once

#include "cli/client_command.hpp"
#include "messages/skerry/v1/decisions.pb.h"

#include <cstdint>
#include <string>
#include <vector>

namespace skerry {

/// Tasks to be placed, and what they are called.
struct task_list {
  std::vector<std::string> names;
  std::vector<v1::TaskProfile> profiles;
};

/// All tasks of the job, called as those of a job of this id would be.
void add_tasks(const v1::Job& job, const std::string& id, task_list& into);

struct decide_how {
  std::string request_id;
  std::int64_t reserve_milliseconds = 0;
  bool explain = false;
};

/// Asks where the tasks go and prints it.
/// @returns Exit code 3 when one of them has no place.
ending decide_and_print(client& cluster, const task_list& tasks,
                        const decide_how& how, console& out);

} // namespace skerry
