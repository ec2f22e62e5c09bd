#include "scheduling/placement_policy.hpp"

#include "scheduling/fgd.hpp"
#include "scheduling/fnv.hpp"
#include "scheduling/published_scorers.hpp"
#include "scheduling/rng.hpp"
#include "scheduling/simple_scorers.hpp"
#include "scheduling/spread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace skerry {
namespace {

using node_scores = std::span<const score_t>;

/// Scores of all nodes, each worked out anew.
class full_scan {
public:
  explicit full_scan(const cluster& on, scorer& by) : on_{&on}, by_{&by} {}

  node_scores scores(const compiled_shape& shape) {
    for (auto n = nodes_.size(); n < on_->size(); ++n)
      nodes_.push_back(static_cast<node_index>(n));
    scores_.resize(nodes_.size());
    (void)by_->basis(*on_); // Lets the scorer see a changed cluster.
    by_->score(*on_, shape, nodes_, scores_);
    if (shape.source.spread) {
      const spread_filter spread{*on_, shape};
      for (const auto node : nodes_)
        if (!spread.allows(node))
          scores_[index_of(node)] = infeasible_score;
    }
    return scores_;
  }

private:
  const cluster* on_;
  scorer* by_;
  std::vector<node_index> nodes_;
  std::vector<score_t> scores_;
};

class best_score_policy final : public placement_policy {
public:
  best_score_policy(std::unique_ptr<scorer> by, const cluster& on,
                    placement_search search)
      : on_{&on}, by_{std::move(by)}, index_{on, *by_}, scan_{on, *by_},
        search_{search} {}

  std::string_view name() const override { return by_->name(); }
  std::size_t cache_bytes() const override { return index_.bytes(); }

  std::optional<placement> choose(shape_id id) override {
    const auto& shape = on_->shape(id);
    const auto best = search_ == placement_search::scan || shape.source.spread
                          ? best_of(scan_.scores(shape))
                          : index_.best(id);
    if (!best)
      return std::nullopt;
    return placement{best->node, by_->choose_devices(*on_, shape, best->node),
                     best->score};
  }

private:
  static std::optional<placement_index::best_node> best_of(node_scores scores) {
    const auto best = std::ranges::max_element(scores); // The first of equals.
    if (best == scores.end() || *best == infeasible_score)
      return std::nullopt;
    return placement_index::best_node{
        static_cast<node_index>(best - scores.begin()), *best};
  }

  const cluster* on_;
  std::unique_ptr<scorer> by_;
  placement_index index_;
  full_scan scan_;
  placement_search search_;
};

/// Any feasible node, any devices that will do.
class random_policy final : public placement_policy {
public:
  random_policy(const cluster& on, std::uint64_t seed)
      : on_{&on}, index_{on, feasible_}, scan_{on, feasible_}, rng_{seed} {}

  std::string_view name() const override { return "random"; }
  std::size_t cache_bytes() const override { return index_.bytes(); }

  std::optional<placement> choose(shape_id id) override {
    const auto& shape = on_->shape(id);
    const auto scores
        = shape.source.spread ? scan_.scores(shape) : index_.scores(id);
    const auto feasible = scores.size()
                          - static_cast<std::size_t>(
                              std::ranges::count(scores, infeasible_score));
    if (feasible == 0)
      return std::nullopt;
    auto skip = rng_.below(feasible);
    std::size_t n = 0;
    while (scores[n] == infeasible_score || skip-- > 0)
      ++n;
    const auto node = static_cast<node_index>(n);
    return placement{node, random_devices(shape, node), 0};
  }

private:
  device_mask random_devices(const compiled_shape& shape, node_index node) {
    device_mask out = 0;
    for (std::size_t i = 0; i < shape.requests.size(); ++i) {
      auto left = on_->available(shape, i, node);
      for (auto wanted = shape.requests[i].count; wanted > 0; --wanted) {
        auto pick = left;
        for (auto skip
             = rng_.below(static_cast<std::uint64_t>(std::popcount(left)));
             skip > 0; --skip)
          pick &= pick - 1;
        const auto device = pick & -pick;
        out |= device;
        left &= ~device;
      }
    }
    return out;
  }

  const cluster* on_;
  first_fit feasible_; ///< All feasible nodes are equal.
  placement_index index_;
  full_scan scan_;
  rng rng_;
};

constexpr std::array<std::string_view, 9> names{
    "random",      "worst-fit",      "best-fit",  "best-fit-all", "dot-product",
    "gpu-packing", "gpu-clustering", "first-fit", "fgd"};

std::unique_ptr<scorer> make_scorer(std::string_view name,
                                    const policy_context& context) {
  if (name == "worst-fit")
    return std::make_unique<worst_fit>();
  if (name == "best-fit")
    return std::make_unique<best_fit>();
  if (name == "best-fit-all")
    return std::make_unique<best_fit_all>();
  if (name == "dot-product")
    return std::make_unique<dot_product>();
  if (name == "gpu-packing")
    return std::make_unique<gpu_packing>();
  if (name == "gpu-clustering")
    return std::make_unique<gpu_clustering>();
  if (name == "first-fit")
    return std::make_unique<first_fit>();
  if (name == "fgd")
    return std::make_unique<fgd>(typical_classes(context.workload));
  return nullptr;
}

} // namespace

std::span<const std::string_view> placement_policy_names() {
  return names;
}

std::uint64_t version_of(const policy_choice& which) {
  fnv1a hash;
  hash.text(which.name);
  if (which.weights)
    for (const auto& weights : which.weights->of)
      for (const auto weight : weights)
        hash.text(fmt::format("{}", weight));
  return hash.value();
}

bool wants_workload(const policy_choice& which) {
  return which.weights || which.maker || which.name == "fgd";
}

result<std::unique_ptr<placement_policy>>
make_policy(const policy_choice& which, const cluster& on,
            const policy_context& context) {
  const auto& name = which.name;
  if (which.maker)
    return (*which.maker)(on, context);
  if (which.weights) {
    if (auto ok = validate(*which.weights); !ok)
      return ok.failure();
    return make_policy(std::make_unique<weighted_scorer>(name, *which.weights,
                                                         context.workload),
                       on, context.search);
  }
  if (name == "random")
    return std::unique_ptr<placement_policy>{
        std::make_unique<random_policy>(on, context.seed)};
  if (auto by = make_scorer(name, context))
    return make_policy(std::move(by), on, context.search);
  return {error_code::invalid_argument,
          fmt::format("no policy is called {}; there are {}", name,
                      fmt::join(names, ", "))};
}

std::unique_ptr<placement_policy> make_policy(std::unique_ptr<scorer> by,
                                              const cluster& on,
                                              placement_search search) {
  return std::make_unique<best_score_policy>(std::move(by), on, search);
}

} // namespace skerry
