// What the person who serves a model can choose about speculation.
#pragma once

#include <string>

namespace bowhead::engine {

/// Most guesses of one sequence in one step.
inline constexpr int kMostDraftTokens = 16;

struct SpeculationOptions {
  bool lookup = true;                 // copy from the prompt and the answer
  int most_draft = kMostDraftTokens;  // guesses of one sequence in one step, 0..kMostDraftTokens; 0: off
  std::string draft_model;            // a model file with the served model's vocabulary; "": none
};

}  // namespace bowhead::engine
