// How long steps take, learned as they run.
#pragma once

#include <array>

namespace bowhead::engine {

/// The size of a step, or of a part of one.
struct StepWork {
  int tokens = 0;
  double context = 0;  // the sum over the tokens of the KV entries that each attends to

  StepWork& operator+=(const StepWork& other) {
    tokens += other.tokens;
    context += other.context;
    return *this;
  }
};

/// The work of tokens [first, first + count) of one sequence.
constexpr StepWork WorkOf(int first, int count) {
  return {count, count * (first + 0.5 * count)};
}

/// Fits time = fixed + per_token * tokens + per_context * context to the steps seen. Steps are kept as running means
/// per size (powers of two of tokens and of context), so that a thousand decoding steps do not wash out what a long
/// prompt taught; means follow a machine that gets slower within some ten steps. Not thread-safe.
class StepCost {
 public:
  void Add(const StepWork& work, double ms);

  [[nodiscard]] bool known() const { return per_token_ > 0; }
  [[nodiscard]] double fixed_ms() const { return fixed_; }
  [[nodiscard]] double per_token_ms() const { return per_token_; }
  [[nodiscard]] double per_context_ms() const { return per_context_; }
  [[nodiscard]] double Predict(const StepWork& work) const {
    return fixed_ + per_token_ * work.tokens + per_context_ * work.context;
  }

 private:
  struct Cell {
    double weight = 0;  // steps seen, up to a bound
    double tokens = 0;  // means
    double context = 0;
    double ms = 0;
  };
  static constexpr std::size_t kTokenSizes = 14;
  static constexpr std::size_t kContextSizes = 10;

  void Fit();

  std::array<Cell, kTokenSizes * kContextSizes> cells_;
  double fixed_ = 0;
  double per_token_ = 0;
  double per_context_ = 0;
};

/// What one step may take. Work is counted in first tokens of a prompt: one behind `p` others counts
/// 1 + per_context * p.
struct StepBudget {
  int tokens = 0;            // at most, whatever they cost
  double work = 1e18;        // of prompt pieces
  double per_context = 0.0;  // >= 0

  /// How many of `pending` tokens from `first` on fit.
  [[nodiscard]] int Fit(int first, int pending) const;
  void Spend(int first, int count);
  [[nodiscard]] StepBudget Half() const { return {tokens / 2, work / 2, per_context}; }
  [[nodiscard]] bool empty() const { return tokens <= 0 || work <= 0; }
};

/// How long a step with prompts in it should take. `around` is its time without them: the weights are read and the
/// other sequences decode, however short the piece is. So that a prompt keeps 7/8 of its speed, a step of a slow model
/// takes up to eight times that, but no more than `most_ms`; else `target_ms`.
double StepTarget(double target_ms, double around, double most_ms);

}  // namespace bowhead::engine
