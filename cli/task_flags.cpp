#include "cli/task_flags.hpp"

#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "config/units.hpp"
#include "messages/convert.hpp"

#include <fmt/format.h>

#include <limits>

namespace skerry {
namespace {

error about(std::string_view flag, const error& fault) {
  return {error_code::invalid_argument,
          fmt::format("{}: {}", flag, fault.message)};
}

/// "zone=a", "zone!=a", "ssd", "!ssd"; several values with "|".
result<v1::LabelConstraint> read_constraint(std::string_view text) {
  v1::LabelConstraint out;
  const auto sign = text.find('=');
  if (sign == text.npos) {
    const bool is_not = text.starts_with('!');
    out.set_operator_(is_not ? v1::LabelConstraint::NOT_EXISTS
                             : v1::LabelConstraint::EXISTS);
    out.set_key(std::string{text.substr(is_not ? 1 : 0)});
  } else {
    const bool is_not = sign > 0 && text[sign - 1] == '!';
    out.set_operator_(is_not ? v1::LabelConstraint::NOT_IN
                             : v1::LabelConstraint::IN);
    out.set_key(std::string{text.substr(0, sign - (is_not ? 1 : 0))});
    auto values = text.substr(sign + 1);
    while (true) {
      const auto bar = std::min(values.find('|'), values.size());
      out.add_values(std::string{values.substr(0, bar)});
      if (bar == values.size())
        break;
      values.remove_prefix(bar + 1);
    }
  }
  if (out.key().empty())
    return error{error_code::invalid_argument,
                 fmt::format("--constraint: \"{}\" names no label", text)};
  return out;
}

result<> read_gpus(const task_flags& flags, v1::TaskProfile& into) {
  if (flags.gpus.empty()) {
    if (flags.gpu_models.empty())
      return done{};
    return {error_code::invalid_argument, "--gpu-model needs --gpus"};
  }
  const auto amount = parse_milli(flags.gpus);
  if (!amount)
    return about("--gpus", amount.failure());
  auto* gpu = into.add_devices();
  gpu->set_kind("gpu");
  if (*amount > 0 && *amount < 1000)
    gpu->set_share_milli(static_cast<std::int32_t>(*amount));
  else if (*amount > 0 && *amount % 1000 == 0 && *amount <= 64'000)
    gpu->set_count(static_cast<std::int32_t>(*amount / 1000));
  else
    return {error_code::invalid_argument,
            fmt::format("--gpus: \"{}\" is neither 1 to 64 whole devices nor a "
                        "share of one",
                        flags.gpus)};
  if (flags.gpu_models.empty())
    return done{};
  const auto models = parse_list("--gpu-model", flags.gpu_models);
  if (!models)
    return models.failure();
  gpu->mutable_models()->Assign(models->begin(), models->end());
  return done{};
}

} // namespace

bool task_flags::any() const {
  return !cpu.empty() || !memory.empty() || !gpus.empty() || !gpu_models.empty()
         || !constraints.empty() || !priority.empty() || !tenant.empty();
}

void add_task_flags(CLI::App& command, task_flags& flags) {
  const auto add = [&command](const std::string& name, std::string& into,
                              const std::string& type,
                              const std::string& what) {
    command.add_option(name, into, what)->type_name(type)->check(refuse_empty);
  };
  add("--cpu", flags.cpu, "CORES", "For each task: 2, 1.5 or 500m");
  add("--memory,--mem", flags.memory, "SIZE", "For each task: 4GiB or 512MB");
  add("--gpus,--gpu", flags.gpus, "N", "Whole ones, or a share: 0.5");
  add("--gpu-model", flags.gpu_models, "MODEL,...", "Any of these");
  command
      .add_option("--constraint", flags.constraints,
                  "On the node's labels: zone=a|b, zone!=c,\nssd, !ssd. Can be "
                  "given several times")
      ->type_name("LABEL")
      ->expected(1)
      ->take_all()
      ->check(refuse_empty);
  add("--priority", flags.priority, "N", "Higher goes first (0)");
  add("--tenant", flags.tenant, "NAME", "Whose task it is (default)");
}

result<v1::Resources> read_amount_flags(const std::string& cpu,
                                        const std::string& memory) {
  v1::Resources out;
  if (!cpu.empty()) {
    const auto amount = parse_cpu_millicores(cpu);
    if (!amount)
      return about("--cpu", amount.failure());
    out.set_cpu_millicores(*amount);
  }
  if (!memory.empty()) {
    const auto amount = parse_bytes(memory);
    if (!amount)
      return about("--memory", amount.failure());
    out.set_memory_bytes(*amount);
  }
  return out;
}

result<v1::TaskProfile> read_task_flags(const task_flags& flags) {
  v1::TaskProfile out;
  const auto demand = read_amount_flags(flags.cpu, flags.memory);
  if (!demand)
    return demand.failure();
  *out.mutable_demand() = *demand;
  if (auto ok = read_gpus(flags, out); !ok)
    return ok.failure();
  for (const auto& text : flags.constraints) {
    auto constraint = read_constraint(text);
    if (!constraint)
      return constraint.failure();
    *out.add_constraints() = *constraint;
  }
  if (!flags.priority.empty()) {
    using limits = std::numeric_limits<std::int16_t>;
    const auto priority = parse_whole("--priority", flags.priority,
                                      limits::min(), limits::max());
    if (!priority)
      return priority.failure();
    out.set_priority(static_cast<std::int32_t>(*priority));
  }
  out.set_tenant(flags.tenant);
  if (auto ok = from_proto(out); !ok)
    return ok.failure();
  return out;
}

} // namespace skerry
