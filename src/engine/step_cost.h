// How long steps take, learned as they run.
#pragma once

namespace bowhead::engine {

/// Fits time = fixed + per_token · tokens to the steps seen, recent ones weighing more, so that it follows growing
/// contexts and a machine that others use too. Not thread-safe.
class StepCost {
 public:
  void Add(int tokens, double ms);
  /// Most tokens of a step that should take no more than `target_ms`; at least 0. Before the first step a careful
  /// guess.
  [[nodiscard]] int TokensFor(double target_ms) const;

 private:
  double steps_ = 0;  // all of these are sums that fade
  double tokens_ = 0;
  double tokens_squared_ = 0;
  double ms_ = 0;
  double tokens_ms_ = 0;
};

}  // namespace bowhead::engine
