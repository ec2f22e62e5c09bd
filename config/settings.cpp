#include "config/settings.hpp"

#include "config/reward_text.hpp"
#include "config/units.hpp"
#include "evolution/migration.hpp"
#include "evolution/optimisers.hpp"
#include "evolution/topology.hpp"
#include "messages/policy_file.hpp"
#include "scheduling/resize_policy.hpp"
#include "scheduling/specs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace skerry {
namespace {

std::optional<double> parse_within(std::string_view text, double least,
                                   double most) {
  double value = 0;
  const auto* last = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), last, value);
  if (fault != std::errc{} || stopped != last || !(value >= least)
      || value > most)
    return {};
  return value;
}

result<> is_name(std::string_view text) {
  return validate_id(text, "the name");
}

result<> is_listen_address(std::string_view text) {
  return check_address(text, true);
}

result<> is_address(std::string_view text) {
  return check_address(text, false);
}

result<> is_policy(std::string_view text) {
  const auto found = find_policy(text);
  if (found)
    return done{};
  return error{error_code::invalid_argument, found.failure().message};
}

result<> is_label(std::string_view text) {
  const auto sign = text.find('=');
  if (sign != text.npos && sign > 0)
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not KEY=VALUE", text)};
}

result<> is_reward_weight(std::string_view text) {
  reward_weights any;
  return set_weight(any, text);
}

result<> is_named_amount(std::string_view text) {
  const auto sign = text.find('=');
  std::int64_t units = 0;
  const auto* last = text.data() + text.size();
  if (sign != text.npos && sign > 0) {
    const auto [stopped, fault]
        = std::from_chars(text.data() + sign + 1, last, units);
    if (fault == std::errc{} && stopped == last && units >= 0)
      return done{};
  }
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not NAME=NUMBER", text)};
}

template <class T>
result<> readable(const result<T>& parsed) {
  if (!parsed)
    return parsed.failure();
  return done{};
}

result<> is_objective(std::string_view text) {
  if (text == "cell" || text == "synthetic" || text == "traces")
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not cell, synthetic or traces", text)};
}

result<> is_league_mode(std::string_view text) {
  if (text == "off" || text == "shadow" || text == "on")
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not off, shadow or on", text)};
}

result<> is_resizing_mode(std::string_view text) {
  if (text == "off" || text == "recommend" || text == "auto")
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not off, recommend or auto", text)};
}

result<> is_resize_method(std::string_view text) {
  return readable(find_resize_method(text));
}

/// Which ones there are depends on the policy: told by the server.
result<> is_parameter(std::string_view text) {
  const auto sign = text.find('=');
  if (sign != text.npos && sign > 0
      && parse_within(text.substr(sign + 1), -1e6, 1e6))
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not NAME=NUMBER", text)};
}

result<> is_safety(std::string_view text) {
  if (text.empty() || parse_within(text, 0.01, 100))
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not a number from 0.01 to 100", text)};
}

result<> is_stretch(std::string_view text) {
  if (parse_within(text, 1.01, 1000))
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not a number from 1.01 to 1000", text)};
}

result<> is_optimiser(std::string_view text) {
  return readable(find_optimiser(text));
}

result<> is_topology(std::string_view text) {
  return readable(parse_topology(text));
}

result<> is_migration(std::string_view text) {
  return readable(parse_migration(text));
}

/// Any: whether it is there is told when it is read.
result<> is_file(std::string_view) {
  return done{};
}

result<> is_rung(std::string_view text) {
  if (text == "v2" || text == "v1" || text == "rlimit" || text == "observe")
    return done{};
  return error{error_code::invalid_argument,
               fmt::format("\"{}\" is not v2, v1, rlimit or observe", text)};
}

result<> is_scale(std::string_view text) {
  if (parse_within(text, 1e-6, 1e9))
    return done{};
  return error{
      error_code::invalid_argument,
      fmt::format("\"{}\" is not a number from 0.000001 to 1e9", text)};
}

std::string upper(std::string_view text) {
  std::string out;
  for (const auto c : text)
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

result<> checked(const setting::text& target, std::string_view text) {
  if (text.empty() || target.check == nullptr)
    return done{};
  return target.check(text);
}

error not_whole(std::string_view text, amount_range range) {
  return {error_code::invalid_argument,
          fmt::format("\"{}\" is not a whole number from {} to {}", text,
                      range.least, range.most)};
}

result<> assign_list(const setting::list& target, std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto item = text.substr(0, comma);
    if (item.empty() || (comma + 1 == text.size()))
      return {error_code::invalid_argument, "an item of the list is empty"};
    if (auto ok = target.check(item); !ok)
      return ok;
    items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  *target.into = std::move(items);
  return done{};
}

result<> assign_amount(const setting::amount& target, std::string_view text) {
  const auto parsed = target.parse(text);
  if (!parsed)
    return parsed.failure();
  if (*parsed < target.range.least || *parsed > target.range.most)
    return {error_code::invalid_argument,
            fmt::format("{} is not from {} to {}", text,
                        target.show(target.range.least),
                        target.show(target.range.most))};
  *target.into = *parsed;
  return done{};
}

setting::amount duration(std::int64_t& into, std::int64_t least,
                         std::int64_t most) {
  return {&into, parse_milliseconds, milliseconds_text, {least, most}};
}

} // namespace

std::string setting::name() const {
  return fmt::format("{}.{}", section, key);
}

std::string setting::variable() const {
  return fmt::format("SKERRY_{}_{}", upper(section), upper(key));
}

std::vector<setting> settings_of(configuration& into) {
  using text = setting::text;
  using list = setting::list;
  using whole = setting::whole;
  auto& [server, tls, policy, limits, queue, tenants, timing, islands, replay,
         learner, league, resizing, agent, client]
      = into;
  using flag = setting::flag;
  using amount = setting::amount;
  constexpr std::int64_t day = 86'400'000;
  constexpr amount_range some{1, 100'000'000};
  (void)tenants; // Whose names are not known here: see `read_tenants`.
  return {
      {"server", "name", text{&server.name, is_name}},
      {"server", "data", text{&server.data}},
      {"server", "listen", text{&server.listen, is_listen_address}},
      {"server", "advertise", text{&server.advertise, is_address}},
      {"server", "mesh_listen", text{&server.mesh_listen, is_listen_address}},
      {"server", "mesh_advertise", text{&server.mesh_advertise, is_address}},
      {"server", "seeds", list{&server.seeds, is_address}},
      {"server", "min_free",
       amount{&server.min_free_bytes, parse_bytes, bytes_text, {0, INT64_MAX}}},
      {"tls", "directory", text{&tls.directory}},
      {"policy", "name", text{&policy.name, is_policy}},
      {"policy", "seed", whole{&policy.seed, {0, INT64_MAX}}},
      {"limits", "live_tasks", whole{&limits.live_tasks, some}},
      {"limits", "ended_jobs", whole{&limits.ended_jobs, {0, some.most}}},
      {"limits", "tasks_per_job", whole{&limits.tasks_per_job, some}},
      {"limits", "tasks_per_request", whole{&limits.tasks_per_request, some}},
      {"queue", "age", duration(queue.age_milliseconds, 1000, day)},
      {"queue", "half_life",
       duration(queue.half_life_milliseconds, 1000, 365 * day)},
      {"timing", "lease", duration(timing.lease_milliseconds, 1000, day)},
      {"timing", "lease_margin",
       duration(timing.lease_margin_milliseconds, 100, day)},
      {"timing", "heartbeat", duration(timing.heartbeat_milliseconds, 50, day)},
      {"timing", "mesh_heartbeat",
       duration(timing.mesh_heartbeat_milliseconds, 50, day)},
      {"timing", "mesh_timeout",
       duration(timing.mesh_timeout_milliseconds, 100, day)},
      {"islands", "count", whole{&islands.count, {0, 64}}},
      {"islands", "cpu_percent", whole{&islands.cpu_percent, {1, 100}}},
      {"islands", "objective", text{&islands.objective, is_objective}},
      {"islands", "trace_nodes", text{&islands.trace_nodes}},
      {"islands", "trace_pods", list{&islands.trace_pods, is_file}},
      {"islands", "optimisers", list{&islands.optimisers, is_optimiser}},
      {"islands", "topology", text{&islands.topology, is_topology}},
      {"islands", "migration", text{&islands.migration, is_migration}},
      {"islands", "scenarios", whole{&islands.scenarios, {1, 1000}}},
      {"islands", "seed", whole{&islands.seed, {0, INT64_MAX}}},
      {"islands", "refresh", duration(islands.refresh_milliseconds, 1000, day)},
      {"islands", "checkpoint",
       duration(islands.checkpoint_milliseconds, 1000, day)},
      {"replay", "enabled", flag{&replay.enabled}},
      {"replay", "decisions_per_second",
       whole{&replay.decisions_per_second, {1, 1'000'000}}},
      {"replay", "in_memory", whole{&replay.in_memory, {1024, 100'000'000}}},
      {"replay", "max_bytes",
       amount{&replay.max_bytes,
              parse_bytes,
              bytes_text,
              {std::int64_t{16} << 20, INT64_MAX}}},
      {"replay", "max_age",
       duration(replay.max_age_milliseconds, 60'000, 3650 * day)},
      {"replay", "min_free",
       amount{&replay.min_free_bytes, parse_bytes, bytes_text, {0, INT64_MAX}}},
      {"replay", "gather", duration(replay.gather_milliseconds, 0, day)},
      {"replay", "reward", list{&replay.reward, is_reward_weight}},
      {"learner", "enabled", flag{&learner.enabled}},
      {"learner", "cpu_percent", whole{&learner.cpu_percent, {1, 100}}},
      {"learner", "batch", whole{&learner.batch, {1, 65'536}}},
      {"learner", "capacity", whole{&learner.capacity, {1024, 100'000'000}}},
      {"learner", "publish_steps", whole{&learner.publish_steps, some}},
      {"learner", "checkpoint",
       duration(learner.checkpoint_milliseconds, 1000, day)},
      {"learner", "seed", whole{&learner.seed, {0, INT64_MAX}}},
      {"league", "mode", text{&league.mode, is_league_mode}},
      {"league", "cpu_percent", whole{&league.cpu_percent, {1, 100}}},
      {"league", "round", duration(league.round_milliseconds, 100, day)},
      {"league", "episodes", whole{&league.episodes, {20, 1000}}},
      {"league", "canary_percent", whole{&league.canary_percent, {1, 50}}},
      {"league", "canary_time", duration(league.canary_milliseconds, 0, day)},
      {"league", "canary_tasks", whole{&league.canary_tasks, {0, 2048}}},
      {"league", "settle_time", duration(league.settle_milliseconds, 0, day)},
      {"league", "seed", whole{&league.seed, {0, INT64_MAX}}},
      {"resizing", "mode", text{&resizing.mode, is_resizing_mode}},
      {"resizing", "policy", text{&resizing.policy, is_resize_method}},
      {"resizing", "parameters", list{&resizing.parameters, is_parameter}},
      {"resizing", "safety", text{&resizing.safety, is_safety}},
      {"resizing", "stretch", text{&resizing.stretch, is_stretch}},
      {"resizing", "interval",
       duration(resizing.interval_milliseconds, 100, day)},
      {"resizing", "throttled_percent",
       whole{&resizing.throttled_percent, {0, 100}}},
      {"resizing", "warm_up", whole{&resizing.warm_up, {0, 100'000}}},
      {"resizing", "memory_window",
       whole{&resizing.memory_window, {1, 100'000}}},
      {"resizing", "memory_headroom_percent",
       whole{&resizing.memory_headroom_percent, {5, 400}}},
      {"resizing", "per_second", whole{&resizing.per_second, {1, 100'000}}},
      {"agent", "name", text{&agent.name, is_name}},
      {"agent", "servers", list{&agent.servers, is_address}},
      {"agent", "data", text{&agent.data}},
      {"agent", "labels", list{&agent.labels, is_label}},
      {"agent", "cpu",
       amount{&agent.cpu_millicores,
              parse_cpu_millicores,
              cpu_text,
              {0, max_cpu_millicores}}},
      {"agent", "memory",
       amount{&agent.memory_bytes, parse_bytes, bytes_text, {0, max_amount}}},
      {"agent", "disk",
       amount{&agent.disk_bytes, parse_bytes, bytes_text, {0, max_amount}}},
      {"agent", "network",
       amount{&agent.network_bits_per_second,
              parse_bits_per_second,
              bits_per_second_text,
              {0, max_amount}}},
      {"agent", "named", list{&agent.named, is_named_amount}},
      {"agent", "max_tasks", whole{&agent.max_tasks, {0, INT32_MAX}}},
      {"agent", "allow_more_than_found", flag{&agent.allow_more_than_found}},
      {"agent", "gpus", flag{&agent.gpus}},
      {"agent", "sysfs", text{&agent.sysfs}},
      {"agent", "user", text{&agent.user}},
      {"agent", "enforce", text{&agent.enforce, is_rung}},
      {"agent", "supervisor", text{&agent.supervisor}},
      {"agent", "stop_tasks_on_exit", flag{&agent.stop_tasks_on_exit}},
      {"agent", "usage_interval", duration(agent.usage_milliseconds, 100, day)},
      {"agent", "simulate", text{&agent.simulate}},
      {"agent", "time_scale", text{&agent.time_scale, is_scale}},
      {"agent", "seed", whole{&agent.seed, {0, INT64_MAX}}},
      {"client", "addresses", list{&client.addresses, is_address}},
      {"client", "tls", text{&client.tls}},
      {"client", "timeout", duration(client.timeout_milliseconds, 10, day)},
  };
}

void read(const setting& what, table_reader& section) {
  if (const auto* target = std::get_if<setting::text>(&what.target)) {
    section.text(what.key, *target->into);
    if (section.has(what.key))
      if (auto ok = checked(*target, *target->into); !ok)
        section.fault(what.key,
                      fmt::format("{}: {}", what.name(), ok.failure().message));
  } else if (const auto* list = std::get_if<setting::list>(&what.target)) {
    section.texts(what.key, *list->into);
    if (section.has(what.key))
      for (const auto& item : *list->into)
        if (auto ok = list->check(item); !ok)
          section.fault(what.key, fmt::format("{}: {}", what.name(),
                                              ok.failure().message));
  } else if (const auto* whole = std::get_if<setting::whole>(&what.target)) {
    section.whole(what.key, *whole->into, whole->range);
  } else if (const auto* flag = std::get_if<setting::flag>(&what.target)) {
    section.flag(what.key, *flag->into);
  } else {
    const auto& amount = std::get<setting::amount>(what.target);
    section.amount(what.key, *amount.into, amount.parse, amount.range);
  }
}

result<> assign(const setting& what, std::string_view text) {
  if (const auto* target = std::get_if<setting::text>(&what.target)) {
    if (auto ok = checked(*target, text); !ok)
      return ok;
    *target->into = text;
    return done{};
  }
  if (const auto* list = std::get_if<setting::list>(&what.target))
    return assign_list(*list, text);
  if (const auto* whole = std::get_if<setting::whole>(&what.target)) {
    std::int64_t value = 0;
    const auto* last = text.data() + text.size();
    const auto [stopped, fault] = std::from_chars(text.data(), last, value);
    if (fault != std::errc{} || stopped != last || value < whole->range.least
        || value > whole->range.most)
      return not_whole(text, whole->range);
    *whole->into = value;
    return done{};
  }
  if (const auto* flag = std::get_if<setting::flag>(&what.target)) {
    if (text != "true" && text != "false")
      return {error_code::invalid_argument,
              fmt::format("\"{}\" is not true or false", text)};
    *flag->into = text == "true";
    return done{};
  }
  return assign_amount(std::get<setting::amount>(what.target), text);
}

std::vector<std::string> values_of(const setting& what) {
  if (const auto* target = std::get_if<setting::text>(&what.target))
    return {*target->into};
  if (const auto* list = std::get_if<setting::list>(&what.target))
    return *list->into;
  if (const auto* whole = std::get_if<setting::whole>(&what.target))
    return {fmt::format("{}", *whole->into)};
  if (const auto* flag = std::get_if<setting::flag>(&what.target))
    return {*flag->into ? "true" : "false"};
  const auto& amount = std::get<setting::amount>(what.target);
  return {amount.show(*amount.into)};
}

} // namespace skerry
