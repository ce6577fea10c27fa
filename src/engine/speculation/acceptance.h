// How often guesses come true, measured.
#pragma once

#include <array>

#include "engine/speculation/drafter.h"

namespace bowhead::engine {

/// Rates by confidence class; old results fade. Not thread-safe.
class Acceptance {
 public:
  /// `memory`: about how many of the newest results of a class count; above 1.
  explicit Acceptance(double memory) : fade_(1 - 1 / memory) {}

  /// A guess of this class whose predecessors in the draft were all right was checked.
  void Add(int confidence, bool accepted);
  /// The probability that such a guess is right, drawn towards `prior` as long as there are few results.
  [[nodiscard]] double Rate(int confidence, double prior) const;

 private:
  struct Counts {
    double tried = 0;
    double accepted = 0;
  };
  double fade_;
  std::array<Counts, kConfidenceClasses> counts_;
};

}  // namespace bowhead::engine
