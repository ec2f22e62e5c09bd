#pragma once

#include "evolution/problem.hpp"
#include "scheduling/rng.hpp"

#include <cstddef>

namespace skerry {

/// The best of `size` positions drawn with replacement.
/// @param count Members, best first.
/// @source Goldberg and Deb, "A comparative analysis of selection schemes used
///         in genetic algorithms", 1991.
std::size_t tournament_winner(std::size_t count, std::size_t size, rng& random);

/// Each gene uniform between those of the parents, an interval widened by
/// `alpha` times its length at both ends; mirrored at the bounds. With alpha
/// 0.5 the spread of a population neither grows nor shrinks but by selection.
/// @source Eshelman and Schaffer, "Real-coded genetic algorithms and
///         interval-schemata", 1993.
genome blx_child(const search_space& space, const genome& a, const genome& b,
                 double alpha, rng& random);

/// One of the two children of simulated binary crossover, gene by gene: near
/// one parent or the other, the nearer the larger `index`; mirrored at the
/// bounds.
/// @source Deb and Agrawal, "Simulated binary crossover for continuous search
///         space", 1995.
genome sbx_child(const search_space& space, const genome& a, const genome& b,
                 double index, rng& random);

/// Adds normal deviates of `sigma` times the space's scale to each gene with
/// the given probability, to one gene at least; mirrored at the bounds.
void mutate(const search_space& space, genome& genes, double probability,
            double sigma, rng& random);

} // namespace skerry
