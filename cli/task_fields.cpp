#include "cli/task_fields.hpp"

#include "config/units.hpp"

#include <fmt/format.h>

#include <limits>

namespace skerry {
namespace {

constexpr std::int64_t max_int32 = std::numeric_limits<std::int32_t>::max();
constexpr amount_range int32_range{0, max_int32};
/// Ten years: sums of it with the time do not overflow.
constexpr std::int64_t max_milliseconds = 10LL * 365 * 86'400'000;

/// Sets a field when its key is there, so that the schema's defaults hold.
template <class Set>
void amount(table_reader& keys, std::string_view key, amount_parser parse,
            Set set, amount_range range = {}) {
  std::int64_t value = 0;
  keys.amount(key, value, parse, range);
  if (keys.has(key))
    set(value);
}

template <class Set>
void whole(table_reader& keys, std::string_view key, amount_range range,
           Set set) {
  std::int64_t value = 0;
  keys.whole(key, value, range);
  if (keys.has(key))
    set(value);
}

template <class Field>
void texts(table_reader& keys, std::string_view key, Field* into) {
  std::vector<std::string> values;
  keys.texts(key, values);
  into->Assign(values.begin(), values.end());
}

void read_resources(table_reader& keys, v1::Resources& into) {
  amount(keys, "cpu", parse_cpu_millicores,
         [&](auto value) { into.set_cpu_millicores(value); });
  amount(keys, "memory", parse_bytes,
         [&](auto value) { into.set_memory_bytes(value); });
  amount(keys, "disk", parse_bytes,
         [&](auto value) { into.set_disk_bytes(value); });
  amount(keys, "network", parse_bits_per_second,
         [&](auto value) { into.set_network_bits_per_second(value); });
}

/// "1" and "2" are whole devices, "0.5" is a share of one.
void set_devices(table_reader& keys, std::string_view key,
                 std::int64_t amount_milli, v1::DeviceRequest& into) {
  if (amount_milli < 1000)
    into.set_share_milli(static_cast<std::int32_t>(amount_milli));
  else if (amount_milli % 1000 == 0)
    into.set_count(static_cast<std::int32_t>(amount_milli / 1000));
  else
    keys.fault(key, fmt::format("{}: {} is neither whole devices nor a share "
                                "of one",
                                keys.path_of(key), milli_text(amount_milli)));
}

void read_devices(table_reader& keys, v1::TaskProfile& into) {
  constexpr amount_range some{1, 64'000};
  v1::DeviceRequest gpu;
  gpu.set_kind("gpu");
  amount(
      keys, "gpus", parse_milli,
      [&](auto value) { set_devices(keys, "gpus", value, gpu); }, some);
  amount(keys, "gpu_memory", parse_bytes,
         [&](auto value) { gpu.set_memory_bytes(value); });
  texts(keys, "gpu_models", gpu.mutable_models());
  if (keys.has("gpus"))
    *into.add_devices() = gpu;
  else if (keys.has("gpu_memory") || keys.has("gpu_models"))
    keys.fault(keys.has("gpu_memory") ? "gpu_memory" : "gpu_models",
               fmt::format("{} is missing", keys.path_of("gpus")));
  keys.tables("devices", [&](table_reader& device) {
    auto* to = into.add_devices();
    to->set_kind("gpu");
    device.text("kind", *to->mutable_kind());
    amount(
        device, "count", parse_milli,
        [&](auto value) { set_devices(device, "count", value, *to); }, some);
    amount(device, "memory", parse_bytes,
           [&](auto value) { to->set_memory_bytes(value); });
    texts(device, "models", to->mutable_models());
  });
}

void read_constraints(table_reader& keys, v1::TaskProfile& into) {
  keys.tables("constraints", [&](table_reader& constraint) {
    auto* to = into.add_constraints();
    constraint.text("key", *to->mutable_key());
    const auto chosen = constraint.choice(
        "operator", {"in", "not_in", "exists", "not_exists"});
    to->set_operator_(
        static_cast<v1::LabelConstraint::Operator>(std::max(chosen, 0)));
    texts(constraint, "values", to->mutable_values());
  });
  texts(keys, "member_of", into.mutable_groups());
  texts(keys, "affinity", into.mutable_affinity());
  texts(keys, "anti_affinity", into.mutable_anti_affinity());
  keys.table("spread", [&](table_reader& spread) {
    auto* to = into.mutable_spread();
    spread.text("group", *to->mutable_group());
    spread.text("topology", *to->mutable_topology());
    whole(spread, "max_skew", {1, max_int32}, [&](auto value) {
      to->set_max_skew(static_cast<std::uint32_t>(value));
    });
  });
}

void read_estimate(table_reader& keys, v1::TaskProfile& into) {
  const auto* value = keys.find("expected_duration");
  if (value == nullptr)
    return;
  auto* to = into.mutable_expected_duration();
  if (!std::holds_alternative<document_value::table>(value->value)) {
    amount(keys, "expected_duration", parse_milliseconds, [&](auto duration) {
      to->set_p10_milliseconds(duration);
      to->set_p50_milliseconds(duration);
      to->set_p90_milliseconds(duration);
    });
    return;
  }
  keys.table("expected_duration", [&](table_reader& quantiles) {
    amount(quantiles, "p10", parse_milliseconds,
           [&](auto duration) { to->set_p10_milliseconds(duration); });
    amount(quantiles, "p50", parse_milliseconds,
           [&](auto duration) { to->set_p50_milliseconds(duration); });
    amount(quantiles, "p90", parse_milliseconds,
           [&](auto duration) { to->set_p90_milliseconds(duration); });
  });
}

void read_exec(table_reader& keys, v1::ExecSpec& into) {
  texts(keys, "argv", into.mutable_argv());
  keys.text("working_directory", *into.mutable_working_directory());
  keys.text("user", *into.mutable_user());
  std::map<std::string, std::string> environment;
  keys.text_map("environment", environment);
  for (auto& [name, value] : environment)
    (*into.mutable_environment())[name] = value;
  amount(keys, "kill_grace", parse_milliseconds,
         [&](auto value) { into.set_kill_grace_milliseconds(value); });
}

void read_simulated(table_reader& keys, v1::SimulatedSpec& into) {
  amount(keys, "duration", parse_milliseconds,
         [&](auto value) { into.set_duration_milliseconds(value); });
  amount(
      keys, "cpu_use", parse_milli,
      [&](auto value) {
        into.set_cpu_use_milli(static_cast<std::int32_t>(value));
      },
      int32_range);
  amount(
      keys, "memory_use", parse_milli,
      [&](auto value) {
        into.set_memory_use_milli(static_cast<std::int32_t>(value));
      },
      int32_range);
  whole(keys, "exit_code", {0, 255}, [&](auto value) {
    into.set_exit_code(static_cast<std::int32_t>(value));
  });
  keys.tables("curve", [&](table_reader& part) {
    auto* to = into.add_curve();
    amount(part, "duration", parse_milliseconds,
           [&](auto value) { to->set_duration_milliseconds(value); });
    amount(part, "cpu", parse_cpu_millicores,
           [&](auto value) { to->set_cpu_millicores(value); });
    amount(part, "memory", parse_bytes,
           [&](auto value) { to->set_memory_bytes(value); });
  });
}

void read_probe(table_reader& keys, v1::Probe& into) {
  const auto kind = keys.choice("kind", {"none", "http", "tcp"});
  into.set_kind(static_cast<v1::Probe::Kind>(std::max(kind, 0)));
  keys.text("host", *into.mutable_host());
  keys.text("path", *into.mutable_path());
  whole(keys, "port", {1, 65535},
        [&](auto value) { into.set_port(static_cast<std::uint32_t>(value)); });
  amount(keys, "interval", parse_milliseconds,
         [&](auto value) { into.set_interval_milliseconds(value); });
  amount(keys, "timeout", parse_milliseconds,
         [&](auto value) { into.set_timeout_milliseconds(value); });
}

} // namespace

void read_profile(table_reader& keys, v1::TaskProfile& into) {
  read_resources(keys, *into.mutable_demand());
  keys.table("minimum", [&](table_reader& minimum) {
    read_resources(minimum, *into.mutable_minimum());
  });
  keys.table("maximum", [&](table_reader& maximum) {
    read_resources(maximum, *into.mutable_maximum());
  });
  const auto resize = keys.choice("resize", {"recommend", "off", "auto"});
  into.set_resize(static_cast<v1::ResizeMode>(std::max(resize, 0)));
  read_devices(keys, into);
  keys.tables("named", [&](table_reader& named) {
    auto* to = into.add_named();
    named.text("name", *to->mutable_name());
    amount(named, "amount", parse_milli,
           [&](auto value) { to->set_amount_milli(value); });
  });
  read_constraints(keys, into);
  read_estimate(keys, into);
  using limits = std::numeric_limits<std::int16_t>;
  whole(keys, "priority", {limits::min(), limits::max()}, [&](auto value) {
    into.set_priority(static_cast<std::int32_t>(value));
  });
  keys.text("tenant", *into.mutable_tenant());
  whole(keys, "attempts", {1, max_int32}, [&](auto value) {
    into.set_max_attempts(static_cast<std::uint32_t>(value));
  });
}

void read_order(table_reader& keys, v1::TaskGroup& into, bool is_part) {
  amount(keys, "retry_delay", parse_milliseconds,
         [&](auto value) { into.set_retry_delay_milliseconds(value); },
         {0, max_milliseconds});
  if (is_part)
    texts(keys, "after", into.mutable_after());
}

void read_order(table_reader& keys, v1::Job& into) {
  texts(keys, "after", into.mutable_after());
  amount(keys, "hold", parse_milliseconds,
         [&](auto value) { into.set_hold_milliseconds(value); },
         {0, max_milliseconds});
}

void read_work(table_reader& keys, v1::Work& into) {
  v1::ExecSpec exec;
  read_exec(keys, exec);
  keys.table("simulated", [&](table_reader& simulated) {
    read_simulated(simulated, *into.mutable_simulated());
  });
  if (keys.has("argv")) {
    if (keys.has("simulated"))
      keys.fault("simulated", "argv and simulated exclude each other");
    *into.mutable_exec() = exec;
  }
  keys.table("probe", [&](table_reader& probe) {
    read_probe(probe, *into.mutable_probe());
  });
  bool keep = false;
  keys.flag("keep_on_disconnect", keep);
  into.set_keep_on_disconnect(keep);
  amount(keys, "max_duration", parse_milliseconds,
         [&](auto value) { into.set_max_duration_milliseconds(value); },
         {1, max_milliseconds});
}

} // namespace skerry
