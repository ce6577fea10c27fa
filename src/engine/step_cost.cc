#include "engine/step_cost.h"

#include <algorithm>

namespace bowhead::engine {
namespace {

constexpr double kFade = 0.97;
constexpr int kFirstGuess = 128;
constexpr double kMost = 1e6;

}  // namespace

void StepCost::Add(int tokens, double ms) {
  if (tokens <= 0 || !(ms >= 0)) return;
  const double n = tokens;
  steps_ = steps_ * kFade + 1;
  tokens_ = tokens_ * kFade + n;
  tokens_squared_ = tokens_squared_ * kFade + n * n;
  ms_ = ms_ * kFade + ms;
  tokens_ms_ = tokens_ms_ * kFade + n * ms;
}

int StepCost::TokensFor(double target_ms) const {
  if (steps_ <= 0) return kFirstGuess;
  // Least squares; where all steps had about the same size, or the slope makes no sense, a line through zero.
  const double spread = steps_ * tokens_squared_ - tokens_ * tokens_;
  double per_token = 0;
  if (spread > 0.01 * steps_ * tokens_squared_) per_token = (steps_ * tokens_ms_ - tokens_ * ms_) / spread;
  double fixed = (ms_ - per_token * tokens_) / steps_;
  if (per_token <= 0 || fixed < 0) {
    per_token = std::max(ms_ / tokens_, 1e-9);
    fixed = 0;
  }
  return static_cast<int>(std::clamp((target_ms - fixed) / per_token, 0.0, kMost));
}

}  // namespace bowhead::engine
