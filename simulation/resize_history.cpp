#include "simulation/resize_history.hpp"

#include <array>
#include <unordered_map>

namespace skerry {
namespace {

/// Observations that the level above counts for, beside those of the level
/// itself: half a day of five-minute intervals. Set by hand.
constexpr double shrinkage = 144;

/// Where the slice begins.
std::size_t slice_begin(std::string_view name) {
  constexpr std::string_view root = "_root";
  if (name.ends_with(root))
    return name.size() - root.size() + 1;
  const auto last = name.rfind('_');
  if (last == name.npos || last == 0)
    return 0;
  const auto before = name.rfind('_', last - 1);
  return before == name.npos ? 0 : before + 1;
}

using usage_by_name = std::unordered_map<std::string_view, usage_weights>;

/// Uses of some days, at the levels at which names recur.
struct recorded_uses {
  usage_by_name of_vm;
  usage_by_name of_slice;
  usage_by_name of_host;
  usage_weights of_all{};

  void add(const vm_day& vm) {
    const auto into = {&of_vm[vm.name], &of_slice[slice_of(vm.name)],
                       &of_host[host_of(vm.name)], &of_all};
    for (auto* weights : into)
      for (const auto demand : vm.demand_percent)
        ++(*weights)[demand];
  }
};

/// Adds the share of each bin, `weight` in all.
void mix_in(const usage_weights& from, double weight, usage_weights& into) {
  double total = 0;
  for (const auto each : from)
    total += each;
  for (std::size_t bin = 0; total > 0 && bin < usage_bins; ++bin)
    into[bin] += weight * from[bin] / total;
}

void scale_to_one(usage_weights& weights) {
  usage_weights scaled{};
  mix_in(weights, 1, scaled);
  weights = scaled;
}

usage_prior prior_of(const vm_day& vm, const recorded_uses& uses) {
  usage_prior prior;
  mix_in(uses.of_all, shrinkage, prior.weights);
  const std::array<std::pair<const usage_by_name*, std::string_view>, 3> levels{
      {{&uses.of_host, host_of(vm.name)},
       {&uses.of_slice, slice_of(vm.name)},
       {&uses.of_vm, vm.name}}};
  for (const auto& [by_name, name] : levels) {
    const auto found = by_name->find(name);
    if (found == by_name->end())
      continue;
    for (std::size_t bin = 0; bin < usage_bins; ++bin)
      prior.weights[bin] += found->second[bin];
    scale_to_one(prior.weights);
    for (auto& each : prior.weights)
      each *= shrinkage;
  }
  scale_to_one(prior.weights);
  return prior;
}

} // namespace

std::string_view slice_of(std::string_view vm_name) {
  return vm_name.substr(slice_begin(vm_name));
}

std::string_view host_of(std::string_view vm_name) {
  const auto begin = slice_begin(vm_name);
  return vm_name.substr(0, begin == 0 ? 0 : begin - 1);
}

std::vector<resize_case> resize_cases::all() const {
  std::vector<resize_case> joined;
  for (const auto& day : by_day)
    joined.insert(joined.end(), day.begin(), day.end());
  return joined;
}

resize_cases with_history(std::span<const resize_day> days,
                          std::span<const resize_day> history) {
  resize_cases cases;
  for (const auto& day : days) {
    recorded_uses uses;
    for (const auto& past : history)
      if (past.path != day.path)
        for (const auto& vm : past.vms)
          uses.add(vm);
    auto& priors = cases.priors.emplace_back();
    priors.reserve(day.vms.size()); // Pointed at from here on.
    auto& of_day = cases.by_day.emplace_back();
    for (const auto& vm : day.vms) {
      priors.push_back(prior_of(vm, uses));
      of_day.push_back({&vm, &priors.back()});
    }
  }
  return cases;
}

} // namespace skerry
