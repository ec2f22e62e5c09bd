#pragma once

#include "messages/skerry/v1/decisions.pb.h"

#include <string>

namespace skerry {

/// What a cell's offer is worth, of one task or of a gang together. Scores of
/// one policy compare; those of different policies do not, and cells may be
/// ruled by different ones: then the fit compares, which all know.
class offer_value {
public:
  void add(const v1::Decision& offer) {
    policy_ = offer.policy();
    score_ += offer.score();
    fit_ += offer.fit();
  }

  bool better_than(const offer_value& other) const {
    return policy_ == other.policy_ ? score_ > other.score_ : fit_ > other.fit_;
  }

private:
  std::string policy_;
  double score_ = 0;
  double fit_ = 0;
};

inline offer_value value_of(const v1::Decision& offer) {
  offer_value out;
  out.add(offer);
  return out;
}

} // namespace skerry
