#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {

/// What a file, the environment and flags can say, section by section. Plain
/// values: the commands turn them into the options of the rooms. Every key is
/// explained in config/skerry.sample.toml.

struct server_section {
  std::string name; ///< Empty: the name of the machine.
  std::string data = "/var/lib/skerry/server";
  std::string listen = "127.0.0.1:7070";
  std::string advertise; ///< Empty: `listen`.
  std::string mesh_listen = "127.0.0.1:7071";
  std::string mesh_advertise; ///< Empty: `mesh_listen`.
  std::vector<std::string> seeds;
  std::int64_t min_free_bytes = std::int64_t{256} << 20;
};

struct tls_section {
  std::string directory; ///< Empty: plaintext, on loopback only.
};

struct policy_section {
  std::string name = "best-fit-all";
  std::int64_t seed = 1;
};

struct limits_section {
  std::int64_t live_tasks = 1'000'000;
  std::int64_t ended_jobs = 100'000;
  std::int64_t tasks_per_job = 100'000;
  std::int64_t tasks_per_request = 10'000;
};

struct queue_section {
  std::int64_t age_milliseconds = 600'000;
  std::int64_t half_life_milliseconds = 3'600'000;
};

/// Amounts: 0 is no limit.
struct tenant_section {
  std::string name;
  std::int64_t weight_milli = 1000;
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t gpu_milli = 0;
};

struct timing_section {
  std::int64_t lease_milliseconds = 15'000;
  std::int64_t lease_margin_milliseconds = 3'000;
  std::int64_t heartbeat_milliseconds = 1'000;
  std::int64_t mesh_heartbeat_milliseconds = 1'000;
  std::int64_t mesh_timeout_milliseconds = 5'000;
};

struct islands_section {
  std::int64_t count = 0;
  std::int64_t cpu_percent = 25; ///< Of one core, for each.
  std::string objective = "cell";
  std::string trace_nodes;             ///< Empty: no traces.
  std::vector<std::string> trace_pods; ///< Files.
  std::vector<std::string> optimisers{"cma-es", "ga"};
  std::string topology = "ring";
  std::string migration = "every=10,count=1";
  std::int64_t scenarios = 4;
  std::int64_t seed = 1;
  std::int64_t refresh_milliseconds = 600'000;
  std::int64_t checkpoint_milliseconds = 30'000;
};

struct replay_section {
  bool enabled = true;
  std::int64_t decisions_per_second = 1000;
  std::int64_t in_memory = 131'072;
  std::int64_t max_bytes = std::int64_t{512} << 20;
  std::int64_t max_age_milliseconds = 30LL * 86'400'000;
  std::int64_t min_free_bytes = std::int64_t{1} << 30;
  std::int64_t gather_milliseconds = 0; ///< 0: does not.
  std::vector<std::string> reward;      ///< "TERM=WEIGHT".
};

struct learner_section {
  bool enabled = false;
  std::int64_t cpu_percent = 25; ///< Of one core.
  std::int64_t batch = 256;
  std::int64_t capacity = 262'144;
  std::int64_t publish_steps = 500;
  std::int64_t checkpoint_milliseconds = 10'000;
  std::int64_t seed = 1;
};

struct league_section {
  std::string mode = "shadow";
  std::int64_t cpu_percent = 10; ///< Of one core.
  std::int64_t round_milliseconds = 60'000;
  std::int64_t episodes = 24;
  std::int64_t canary_percent = 10; ///< Of the decisions.
  std::int64_t canary_milliseconds = 60'000;
  std::int64_t canary_tasks = 200;
  std::int64_t settle_milliseconds = 60'000;
  std::int64_t seed = 1;
};

struct resizing_section {
  std::string mode = "auto";
  std::string policy = "window-sigma";
  std::vector<std::string> parameters; ///< "NAME=NUMBER".
  std::string safety;                  ///< Empty: the policy's own.
  std::string stretch = "5";
  std::int64_t interval_milliseconds = 15'000;
  std::int64_t throttled_percent = 10; ///< Of the kernel's periods.
  std::int64_t warm_up = 12;           ///< Intervals, for CPU.
  std::int64_t memory_window = 288;    ///< Intervals.
  std::int64_t memory_headroom_percent = 25;
  std::int64_t per_second = 50;
};

struct agent_section {
  std::string name; ///< Empty: the name of the machine.
  std::vector<std::string> servers{"127.0.0.1:7070"};
  std::string data = "/var/lib/skerry/agent";
  std::vector<std::string> labels; ///< "KEY=VALUE".
  /// 0: what the machine has.
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t disk_bytes = 0;
  std::int64_t network_bits_per_second = 0; ///< 0: none is offered.
  std::vector<std::string> named;           ///< "NAME=NUMBER".
  std::int64_t max_tasks = 0;               ///< 0: no limit.
  bool allow_more_than_found = false;
  bool gpus = true;
  std::string sysfs = "/sys";
  std::string user = "nobody";
  std::string enforce = "v2";
  std::string supervisor; ///< Empty: skerry-supervise beside skerry.
  bool stop_tasks_on_exit = false;
  std::int64_t usage_milliseconds = 5'000; ///< Between two reports of use.
  std::string simulate;                    ///< Empty: a real machine.
  std::string time_scale = "1";
  std::int64_t seed = 0; ///< 0: random.
};

struct client_section {
  std::vector<std::string> addresses{"127.0.0.1:7070"};
  std::string tls; ///< Empty: as in [tls].
  std::int64_t timeout_milliseconds = 10'000;
};

struct configuration {
  server_section server;
  tls_section tls;
  policy_section policy;
  limits_section limits;
  queue_section queue;
  std::vector<tenant_section> tenants; ///< [tenants.NAME], in the file's order.
  timing_section timing;
  islands_section islands;
  replay_section replay;
  learner_section learner;
  league_section league;
  resizing_section resizing;
  agent_section agent;
  client_section client;

  /// The folder of a client's certificates; empty: plaintext.
  const std::string& client_tls() const {
    return client.tls.empty() ? tls.directory : client.tls;
  }
};

/// A setting as it is in force.
struct effective_setting {
  std::string section;
  std::string key;
  std::vector<std::string> values; ///< One, or the items of a list.
  bool is_list = false;
  /// "default", "skerry.toml:3", "SKERRY_ADDRESS" or "--address".
  std::string from;
};

struct loaded_configuration {
  configuration values;
  std::vector<effective_setting> settings; ///< In the order of the sample.
  std::string file;                        ///< Empty: none was read.
  /// What is no fault and yet looks like a slip.
  std::vector<std::string> notes;
};

/// A value given by a flag.
struct flag_value {
  std::string setting; ///< For example "client.timeout".
  std::string text;
  std::string flag; ///< For errors, for example "--timeout".
};

struct configuration_sources {
  std::string file = {}; ///< Empty: none.
  /// The variables SKERRY_*.
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::vector<flag_value> flags = {};
};

/// Where the file is when nobody names one.
inline constexpr std::string_view default_configuration_file
    = "/etc/skerry/skerry.toml";

/// Defaults, over them the file, then the environment, then the flags.
///
/// SKERRY_<SECTION>_<KEY> sets a key, lists with commas. SKERRY_ADDRESS is
/// short for SKERRY_CLIENT_ADDRESSES, SKERRY_TLS for both
/// SKERRY_TLS_DIRECTORY and SKERRY_CLIENT_TLS.
///
/// @returns `malformed` with a line for each fault: "FILE:LINE:COL: what" in
///          the file, "NAME: what" for variables and flags. `io_failed` when
///          the file cannot be read.
result<loaded_configuration>
load_configuration(const configuration_sources& sources);

/// The whole text of a file.
/// @returns `io_failed` with path and reason, `limit_exceeded` for more than
///          `max_bytes`: whatever it is, it is not what was meant.
result<std::string> read_text_file(const std::string& path,
                                   std::size_t max_bytes);

/// "HOST:PORT" or "[IPV6]:PORT", port 0 for any that is free.
/// @returns `invalid_argument` saying what is wanted.
result<> check_address(std::string_view text, bool may_be_any_port);

} // namespace skerry
