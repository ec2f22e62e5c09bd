#pragma once

#include "cli/console.hpp"
#include "cli/ending.hpp"
#include "simulation/stopwatch.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace skerry {

/// What a command does once its flags have been understood.
using action = std::function<ending(console&)>;

/// Flags that every command knows, as typed; empty where not given.
struct global_flags {
  std::string output = "table";
  bool quiet = false;
  std::string config;
  std::string address;
  std::string tls;
  std::string timeout;
};

/// Each declares a subcommand of `parent` that leaves its work in `chosen`.
/// Both outlive the parsing.
void add_openb_command(CLI::App& parent, action& chosen);
void add_departures_command(CLI::App& parent, action& chosen);
void add_resizing_command(CLI::App& parent, action& chosen);
void add_swf_command(CLI::App& parent, action& chosen);
void add_dag_command(CLI::App& parent, action& chosen);
void add_synthetic_command(CLI::App& parent, action& chosen);
void add_evolve_command(CLI::App& parent, action& chosen);
void add_replay_command(CLI::App& parent, action& chosen);
void add_learn_command(CLI::App& parent, action& chosen);
void add_weights_command(CLI::App& parent, action& chosen);
void add_bench_command(CLI::App& parent, action& chosen);
void add_certs_command(CLI::App& parent, action& chosen);
void add_dev_command(CLI::App& parent, action& chosen);

/// Likewise for those that want to know where the cluster is.
void add_submit_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);
void add_run_command(CLI::App& parent, const global_flags& globals,
                     action& chosen);
void add_decide_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);
void add_policy_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);
/// A subcommand of `policy`.
void add_policy_pull(CLI::App& policy, const global_flags& globals,
                     action& chosen);
void add_get_command(CLI::App& parent, const global_flags& globals,
                     action& chosen);
void add_describe_command(CLI::App& parent, const global_flags& globals,
                          action& chosen);
void add_explain_command(CLI::App& parent, const global_flags& globals,
                         action& chosen);
void add_logs_command(CLI::App& parent, const global_flags& globals,
                      action& chosen);
void add_cancel_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);
void add_resize_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);
void add_node_command(CLI::App& parent, const global_flags& globals,
                      action& chosen);
void add_forget_server_command(CLI::App& parent, const global_flags& globals,
                               action& chosen);
void add_agent_command(CLI::App& parent, const global_flags& globals,
                       action& chosen);
void add_server_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);
void add_doctor_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);
void add_config_command(CLI::App& parent, const global_flags& globals,
                        action& chosen);

/// Declares a flag with a list "a,b"; given twice, the lists are joined.
CLI::Option* add_list_flag(CLI::App& subcommand, const std::string& name,
                           std::string& into, const std::string& what);

/// For `check`: a flag with nothing behind it, as of an unset variable, must
/// not pass for one that is not given.
std::string refuse_empty(const std::string& text);

/// The clock that the simulator is lent to measure its speed.
clock_ns steady_clock_ns();

} // namespace skerry
