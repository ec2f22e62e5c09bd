#pragma once

#include "scheduling/scorer.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace skerry {

struct placement_index_options {
  /// Trees of the least recently asked shapes go when all trees together are
  /// larger. A tree is 4.3 bytes a node.
  std::size_t max_bytes = std::size_t{256} << 20;
};

/// Finds the node with the highest score for a shape, the smallest index among
/// equals, without a scan. Equal to the scan, decision by decision: the scores
/// are the scorer's own, cached for each (shape, node) until the node changes.
///
///     ask(shape):  tree <- trees[shape]           (built by scoring all nodes)
///                  for each node in the log of changes since the last ask:
///                    score it, write the leaf, repair the path to the root
///                  walk from the root to the leftmost best leaf
///
/// A tree has 16 children a node: a block of siblings is one cache line, and
/// 100 000 nodes are five levels. Repair stops at the first level whose maximum
/// stays, which most often is the lowest.
///
/// @cost For each ask O(changes since the last ask for this shape), each a
/// score
///       and a repair; O(nodes) the first time or when the log is too short.
class placement_index {
public:
  struct best_node {
    node_index node;
    score_t score;
  };

  /// @pre `on` and `by` outlive the index; `on` is always the same object.
  placement_index(const cluster& on, scorer& by,
                  const placement_index_options& options = {});

  /// The best node now, or nothing when the shape fits nowhere.
  std::optional<best_node> best(shape_id shape);

  /// The scores of all nodes as `best` sees them, valid until the next call.
  std::span<const score_t> scores(shape_id shape);

  /// Bytes of all trees.
  std::size_t bytes() const { return bytes_; }

private:
  static constexpr std::size_t fan_out = 16;
  static constexpr std::size_t max_levels = 8; // 16^8 covers every node_index.

  struct score_tree {
    std::uint64_t serial = 0; ///< Of the shape; 0 for an empty slot.
    std::uint64_t basis = 0;
    std::uint64_t seen = 0; ///< Version of the cluster that the leaves show.
    std::uint64_t last_asked = 0;
    std::size_t nodes = 0;
    std::size_t levels = 0;
    std::array<std::size_t, max_levels> offsets{}; ///< Of levels in `cells`.
    std::vector<score_t> cells; ///< Leaves first, then each level of maxima.
  };

  score_tree& refreshed(shape_id shape);
  void build(score_tree& tree, const compiled_shape& shape);
  void follow_log(score_tree& tree, const compiled_shape& shape);
  static void write(score_tree& tree, std::size_t leaf, score_t score);
  void drop_oldest(const score_tree& keep);

  const cluster* on_;
  scorer* by_;
  placement_index_options options_;
  std::vector<score_tree> trees_; ///< By shape.
  std::size_t bytes_ = 0;
  std::uint64_t asks_ = 0;
  std::vector<node_index> nodes_to_score_;
  std::vector<score_t> new_scores_;
};

} // namespace skerry
