#include "engine/speculation/acceptance.h"

namespace bowhead::engine {
namespace {

/// So many results weigh as much as the prior.
constexpr double kPriorWeight = 3;

}  // namespace

void Acceptance::Add(int confidence, bool accepted) {
  Counts& counts = counts_[static_cast<std::size_t>(confidence)];
  counts.tried = counts.tried * fade_ + 1;
  counts.accepted = counts.accepted * fade_ + (accepted ? 1 : 0);
}

double Acceptance::Rate(int confidence, double prior) const {
  const Counts& counts = counts_[static_cast<std::size_t>(confidence)];
  return (counts.accepted + kPriorWeight * prior) / (counts.tried + kPriorWeight);
}

}  // namespace bowhead::engine
