#pragma once

#include "scheduling/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry {

/// A point of a search space: `[dimension]`, each gene within its bounds.
using genome = std::vector<double>;

/// A genome and what it was found to cost; lower is better.
struct candidate {
  genome genes;
  double cost = 0;

  friend bool operator==(const candidate&, const candidate&) = default;
};

/// Where a search looks.
struct search_space {
  std::vector<double> lower; ///< `[dimension]`, finite.
  std::vector<double> upper; ///< `[dimension]`, above `lower`.
  /// `[dimension]`: the standard deviation with which a search begins around a
  /// starting point, gene by gene; positive, at most the width of the bounds. A
  /// good one is a third of the distance at which the optimum is expected.
  std::vector<double> scale;
  /// What is known to be good, for example the heuristics and the incumbent,
  /// the most trusted first. May be empty.
  std::vector<genome> starting_points = {};

  std::size_t dimension() const { return lower.size(); }
};

/// More genes than any policy or plan has; keeps a faulty file from filling the
/// memory.
inline constexpr std::size_t max_dimension = 100'000;

/// The same bounds for every gene, and a fifth of their width as scale.
search_space cube(std::size_t dimension, double lower, double upper);

/// @returns `invalid_argument` naming the first gene at fault.
result<> validate(const search_space& space);

/// Checks a genome that others have made: length, finite, within the bounds.
/// @returns `invalid_argument` naming the first gene at fault.
/// @cost    O(dimension), no allocation for a good genome.
result<> check_genome(const search_space& space, std::span<const double> genes);

/// The gene reflected at its bounds as often as it takes to lie between them.
double mirrored(double gene, double lower, double upper);

/// Something to be minimised.
///
/// Threads: `cost` is called by many at once.
class problem {
public:
  virtual ~problem() = default;

  /// Always the same.
  virtual const search_space& space() const = 0;

  /// @param genes    Within the bounds of `space()`.
  /// @param scenario Selects what the cost depends on beside the genes, for
  ///                 example the drawn workload: genomes compared with each
  ///                 other meet the same one (common random numbers).
  /// @returns Lower is better; the same for the same arguments. A cost that is
  ///          no number counts as infinite.
  virtual double cost(std::span<const double> genes,
                      std::uint64_t scenario) const = 0;

  /// Whether `cost` is the same in every scenario. Then nothing is validated
  /// or evaluated twice.
  virtual bool is_deterministic() const { return false; }
};

} // namespace skerry
