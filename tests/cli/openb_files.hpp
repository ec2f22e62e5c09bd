#pragma once

#include "tests/cli/process.hpp"

#include <string>
#include <vector>

namespace skerry::testing {

/// A tiny trace in the format of openb: two nodes of one GPU, three pods of one
/// whole GPU, two seeds.
struct openb_files {
  fresh_directory directory;
  std::string nodes
      = directory.write("nodes.csv", "sn,cpu_milli,memory_mib,gpu,model\n"
                                     "a,8000,16384,1,T4\n"
                                     "b,8000,16384,1,T4\n");
  /// They run for 60 s each.
  std::string pods = directory.write(
      "pods.small.csv",
      "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,"
      "deletion_time,scheduled_time\n"
      "p0,1000,1024,1,1000,,0,60,0\n"
      "p1,1000,1024,1,1000,,0,60,0\n"
      "p2,1000,1024,1,1000,,0,60,0\n");
  std::string arrivals = directory.write("order.csv", "7,8\n2,0\n0,1\n1,\n");
  std::string ties = directory.write("ties.csv", "sn,7,8\na,2,1\nb,1,2\n");
  std::string out = directory.path() / "decisions.csv";

  /// `simulate openb` on these files.
  std::vector<std::string> openb(const std::string& more) const {
    return words("simulate openb --nodes " + nodes + " --pods " + pods
                 + " --arrivals " + arrivals + " --tie-order " + ties + " "
                 + more);
  }
};

} // namespace skerry::testing
