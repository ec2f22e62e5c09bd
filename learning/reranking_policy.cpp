#include "learning/reranking_policy.hpp"

#include "learning/state_encoder.hpp"
#include "scheduling/assert.hpp"
#include "scheduling/spread.hpp"
#include "scheduling/task_class.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

namespace skerry {
namespace {

/// Of a rule's score.
constexpr double per_unit = 1e6;

class reranking_policy final : public placement_policy {
public:
  reranking_policy(std::unique_ptr<scorer> rule,
                   std::shared_ptr<const candidate_network> by,
                   const cluster& on, std::span<const task_shape> workload,
                   const reranking_options& options)
      : on_{&on}, rule_{std::move(rule)}, by_{std::move(by)}, index_{on,
                                                                     *rule_},
        states_{on}, features_{workload}, options_{options} {
    SKERRY_ASSERT(by_->shape().state_inputs == state_features);
    SKERRY_ASSERT(by_->shape().candidate_inputs == placement_features);
  }

  std::string_view name() const override { return rule_->name(); }
  std::size_t cache_bytes() const override { return index_.bytes(); }

  std::optional<placement> choose(shape_id id) override {
    const auto& shape = on_->shape(id);
    find_best(id, shape);
    if (best_.empty())
      return std::nullopt;
    std::size_t taken = 0;
    if (best_.size() > 1) {
      describe(shape);
      taken = judge(shape);
    }
    return placement{best_[taken].node, devices_of(shape, taken),
                     best_[taken].score};
  }

private:
  struct scored_node {
    score_t score;
    node_index node;
  };

  void find_best(shape_id id, const compiled_shape& shape) {
    const auto scores = index_.scores(id);
    std::optional<spread_filter> spread;
    if (shape.source.spread)
      spread.emplace(*on_, shape);
    best_.clear();
    for (std::size_t n = 0; n < scores.size(); ++n)
      if (const auto node = static_cast<node_index>(n);
          scores[n] != infeasible_score && (!spread || spread->allows(node)))
        best_.push_back({scores[n], node});
    const auto kept = std::min(options_.candidates, best_.size());
    std::ranges::partial_sort(
        best_, best_.begin() + static_cast<std::ptrdiff_t>(kept),
        [](const scored_node& a, const scored_node& b) {
          return a.score != b.score ? a.score > b.score : a.node < b.node;
        });
    best_.resize(kept);
    devices_.clear();
  }

  device_mask devices_of(const compiled_shape& shape, std::size_t which) {
    return devices_.empty()
               ? rule_->choose_devices(*on_, shape, best_[which].node)
               : devices_[which];
  }

  /// The features of each, with the devices that the rule would take.
  void describe(const compiled_shape& shape) {
    (void)features_.look_at(*on_); // The number is for caches of scores.
    rows_.clear();
    for (const auto& each : best_) {
      const auto devices = rule_->choose_devices(*on_, shape, each.node);
      devices_.push_back(devices);
      const auto wanted = left_on(shape, each.node, devices);
      const auto start = rows_.size();
      features_.for_each_way(
          *on_, shape, each.node,
          [&](const feature_values& values, std::int32_t left_milli) {
            if (wanted && left_milli != *wanted)
              return;
            rows_.resize(start);
            for (const auto value : values)
              rows_.push_back(static_cast<float>(value));
          });
      rows_.resize(start + placement_features);
    }
  }

  /// What is left of the GPU that is shared.
  std::optional<std::int32_t> left_on(const compiled_shape& shape,
                                      node_index node,
                                      device_mask devices) const {
    if (class_of(shape) != task_class::sharing)
      return std::nullopt;
    const auto gpus = devices & on_->class_of(node).gpus;
    const auto gpu = static_cast<std::size_t>(std::countr_zero(gpus));
    return on_->devices(node)[gpu].free_milli
           - shape.requests[*shape.gpu_request].share_milli;
  }

  std::size_t judge(const compiled_shape& shape) {
    states_.follow();
    const auto state = states_.encode(shape, {});
    logits_.resize(best_.size());
    values_.resize(best_.size());
    by_->evaluate(state, rows_, logits_, values_);
    std::size_t best = 0;
    double most = worth(0);
    for (std::size_t i = 1; i < best_.size(); ++i)
      if (const auto mine = worth(i); mine > most) {
        most = mine;
        best = i;
      }
    return best;
  }

  double worth(std::size_t which) const {
    if (!options_.value_weight)
      return static_cast<double>(logits_[which]);
    return static_cast<double>(best_[which].score) / per_unit
           + *options_.value_weight * static_cast<double>(values_[which]);
  }

  const cluster* on_;
  std::unique_ptr<scorer> rule_;
  std::shared_ptr<const candidate_network> by_;
  placement_index index_;
  state_encoder states_;
  feature_extractor features_;
  reranking_options options_;
  // Of the decision under way.
  std::vector<scored_node> best_;
  std::vector<device_mask> devices_;
  std::vector<float> rows_;
  std::vector<float> logits_;
  std::vector<float> values_;
};

} // namespace

std::unique_ptr<placement_policy>
make_reranking_policy(std::unique_ptr<scorer> rule,
                      std::shared_ptr<const candidate_network> by,
                      const cluster& on, std::span<const task_shape> workload,
                      const reranking_options& options) {
  return std::make_unique<reranking_policy>(std::move(rule), std::move(by), on,
                                            workload, options);
}

} // namespace skerry
