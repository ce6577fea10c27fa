#include "engine/step_cost.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>

namespace bowhead::engine {
namespace {

constexpr double kMostWeight = 6;  // a mean is over about that many steps

std::size_t SizeClass(double value, std::size_t classes) {
  const auto whole = static_cast<std::uint64_t>(std::max(value, 0.0));
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(whole)), classes - 1);
}

/// The weighted sums of a least-squares fit over (1, tokens, context); errors count relative to the time, so that small
/// steps are fitted as well as large ones.
struct Sums {
  std::array<std::array<double, 3>, 3> a = {};
  std::array<double, 3> b = {};

  void Add(const std::array<double, 3>& x, double y, double weight) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) a[i][j] += weight * x[i] * x[j];
      b[i] += weight * x[i] * y;
    }
  }

  /// The coefficients of the given terms, the others 0; nothing if they cannot be told apart or one is negative.
  [[nodiscard]] std::optional<std::array<double, 3>> Solve(std::span<const std::size_t> terms) const {
    std::array<std::array<double, 4>, 3> m = {};
    const std::size_t n = terms.size();
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) m[i][j] = a[terms[i]][terms[j]];
      m[i][n] = b[terms[i]];
    }
    for (std::size_t i = 0; i < n; ++i) {
      // Positive definite: no pivoting. What is left of the diagonal tells how well the term can be told apart.
      if (m[i][i] < 1e-3 * a[terms[i]][terms[i]] || m[i][i] <= 0) return std::nullopt;
      for (std::size_t k = i + 1; k < n; ++k) {
        const double factor = m[k][i] / m[i][i];
        for (std::size_t j = i; j <= n; ++j) m[k][j] -= factor * m[i][j];
      }
    }
    std::array<double, 3> result = {};
    for (std::size_t i = n; i-- > 0;) {
      double value = m[i][n];
      for (std::size_t j = i + 1; j < n; ++j) value -= m[i][j] * result[terms[j]];
      value /= m[i][i];
      if (!(value >= 0) || (terms[i] == 1 && value <= 0)) return std::nullopt;
      result[terms[i]] = value;
    }
    return result;
  }
};

}  // namespace

void StepCost::Add(const StepWork& work, double ms) {
  if (work.tokens <= 0 || !(ms > 0) || !(work.context >= 0)) return;
  Cell& cell = cells_[SizeClass(work.tokens, kTokenSizes) * kContextSizes +
                      SizeClass(work.context / work.tokens / 64, kContextSizes)];
  cell.weight = std::min(cell.weight + 1, kMostWeight);
  const double share = 1 / cell.weight;
  cell.tokens += share * (work.tokens - cell.tokens);
  cell.context += share * (work.context - cell.context);
  cell.ms += share * (ms - cell.ms);
  Fit();
}

void StepCost::Fit() {
  Sums sums;
  double tokens = 0;
  double ms = 0;
  for (const Cell& cell : cells_) {
    if (cell.weight <= 0) continue;
    sums.Add({1, cell.tokens, cell.context}, cell.ms, cell.weight / (cell.ms * cell.ms));
    tokens += cell.weight * cell.tokens;
    ms += cell.weight * cell.ms;
  }
  constexpr std::array<std::size_t, 3> kAll = {0, 1, 2};
  constexpr std::array<std::size_t, 2> kNoContext = {0, 1};
  constexpr std::array<std::size_t, 2> kNoFixed = {1, 2};
  auto fit = sums.Solve(kAll);
  if (!fit) fit = sums.Solve(kNoContext);
  if (!fit) fit = sums.Solve(kNoFixed);
  // Where all steps had about the same size, or larger ones were faster, a line through zero.
  const std::array<double, 3> result = fit.value_or(std::array<double, 3>{0, std::max(ms / tokens, 1e-9), 0});
  fixed_ = result[0];
  per_token_ = result[1];
  per_context_ = result[2];
}

int StepBudget::Fit(int first, int pending) const {
  if (empty()) return 0;
  // Solves count + per_context * count * (first + count / 2) = work.
  const double linear = 1 + per_context * first;
  const double count = 2 * work / (linear + std::sqrt(linear * linear + 2 * per_context * work));
  return static_cast<int>(std::min({count, static_cast<double>(tokens), static_cast<double>(pending)}));
}

void StepBudget::Spend(int first, int count) {
  const StepWork spent = WorkOf(first, count);
  tokens -= count;
  work -= spent.tokens + per_context * spent.context;
}

double StepTarget(double target_ms, double around, double most_ms) {
  return std::max(target_ms, std::min(8 * around, most_ms));
}

}  // namespace bowhead::engine
