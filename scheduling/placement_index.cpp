#include "scheduling/placement_index.hpp"

#include <algorithm>

namespace skerry {
namespace {

template <std::size_t Count>
score_t maximum(const score_t* block) {
  auto out = block[0];
  for (std::size_t i = 1; i < Count; ++i)
    out = block[i] > out ? block[i] : out;
  return out;
}

template <std::size_t Count>
std::size_t first_equal(const score_t* block, score_t wanted) {
  std::uint32_t equal = 0;
  for (std::size_t i = 0; i < Count; ++i)
    equal |= static_cast<std::uint32_t>(block[i] == wanted) << i;
  return static_cast<std::size_t>(std::countr_zero(equal));
}

} // namespace

placement_index::placement_index(const cluster& on, scorer& by,
                                 const placement_index_options& options)
    : on_{&on}, by_{&by}, options_{options} {}

std::optional<placement_index::best_node>
placement_index::best(shape_id shape) {
  const auto& tree = refreshed(shape);
  if (tree.nodes == 0)
    return std::nullopt;
  const auto* top = tree.cells.data() + tree.offsets[tree.levels - 1];
  const auto score = maximum<fan_out>(top);
  if (score == infeasible_score)
    return std::nullopt;
  std::size_t position = first_equal<fan_out>(top, score);
  for (auto level = tree.levels - 1; level-- > 0;) {
    const auto block = position * fan_out;
    position = block
               + first_equal<fan_out>(
                   tree.cells.data() + tree.offsets[level] + block, score);
  }
  return best_node{static_cast<node_index>(position), score};
}

std::span<const score_t> placement_index::scores(shape_id shape) {
  const auto& tree = refreshed(shape);
  return {tree.cells.data(), tree.nodes};
}

placement_index::score_tree& placement_index::refreshed(shape_id id) {
  if (index_of(id) >= trees_.size())
    trees_.resize(index_of(id) + 1);
  auto& tree = trees_[index_of(id)];
  const auto& shape = on_->shape(id);
  const auto basis = by_->basis(*on_);
  tree.last_asked = ++asks_;
  if (tree.serial != shape.serial || tree.basis != basis
      || tree.nodes != on_->size() || tree.seen < on_->log_begin()) {
    tree.serial = shape.serial;
    tree.basis = basis;
    build(tree, shape);
  } else if (tree.seen < on_->version()) {
    follow_log(tree, shape);
  }
  tree.seen = on_->version();
  return tree;
}

void placement_index::build(score_tree& tree, const compiled_shape& shape) {
  const auto nodes = on_->size();
  if (tree.nodes != nodes) {
    bytes_ -= tree.cells.size() * sizeof(score_t);
    tree.nodes = nodes;
    tree.levels = 0;
    std::size_t cells = 0;
    auto width = nodes;
    do {
      tree.offsets[tree.levels++] = cells;
      const auto blocks = (width + fan_out - 1) / fan_out;
      cells += blocks * fan_out;
      width = blocks;
    } while (width > 1);
    tree.cells.assign(cells, infeasible_score);
    tree.cells.shrink_to_fit();
    bytes_ += cells * sizeof(score_t);
    if (bytes_ > options_.max_bytes)
      drop_oldest(tree);
  }
  nodes_to_score_.resize(nodes);
  for (std::size_t node = 0; node < nodes; ++node)
    nodes_to_score_[node] = static_cast<node_index>(node);
  by_->score(*on_, shape, nodes_to_score_, {tree.cells.data(), nodes});
  for (std::size_t level = 1; level < tree.levels; ++level) {
    const auto* below = tree.cells.data() + tree.offsets[level - 1];
    const auto* end = tree.cells.data() + tree.offsets[level];
    for (auto* cell = tree.cells.data() + tree.offsets[level]; below < end;
         below += fan_out)
      *cell++ = maximum<fan_out>(below);
  }
}

void placement_index::follow_log(score_tree& tree,
                                 const compiled_shape& shape) {
  nodes_to_score_.clear();
  for (auto version = tree.seen + 1; version <= on_->version(); ++version) {
    const auto node = on_->changed_at(version);
    // A node that changed again later is scored then, once.
    if (on_->version(node) == version)
      nodes_to_score_.push_back(node);
  }
  new_scores_.resize(nodes_to_score_.size());
  by_->score(*on_, shape, nodes_to_score_, new_scores_);
  for (std::size_t i = 0; i < nodes_to_score_.size(); ++i)
    write(tree, index_of(nodes_to_score_[i]), new_scores_[i]);
}

void placement_index::write(score_tree& tree, std::size_t leaf, score_t score) {
  auto position = leaf;
  for (std::size_t level = 0;; ++level) {
    auto* cells = tree.cells.data() + tree.offsets[level];
    const auto before = std::exchange(cells[position], score);
    if (before == score || level + 1 == tree.levels)
      return;
    const auto parent = position / fan_out;
    const auto maximum_before
        = cells[tree.offsets[level + 1] - tree.offsets[level] + parent];
    if (score < maximum_before) {
      if (before < maximum_before)
        return;
      score = maximum<fan_out>(cells + parent * fan_out);
    }
    position = parent;
  }
}

void placement_index::drop_oldest(const score_tree& keep) {
  while (bytes_ > options_.max_bytes) {
    score_tree* oldest = nullptr;
    for (auto& tree : trees_)
      if (&tree != &keep && !tree.cells.empty()
          && (!oldest || tree.last_asked < oldest->last_asked))
        oldest = &tree;
    if (!oldest)
      return;
    bytes_ -= oldest->cells.size() * sizeof(score_t);
    *oldest = {};
  }
}

} // namespace skerry
