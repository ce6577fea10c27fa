// Rotary position embedding (arXiv 2104.09864) with the scalings of ModelSpec.
#pragma once

#include <span>
#include <vector>

#include "model/arch/model_spec.h"

namespace bowhead::model {

/// Angles of one RoPE base: immutable, thread-safe.
class Rope {
 public:
  /// `local`: of sliding-window layers, which have a base of their own and no scaling. `factors` (or empty): divisors
  /// of the frequencies, [rope_dim / 2], as Llama 3.1's files carry them.
  Rope(const ModelSpec& spec, bool local, std::span<const float> factors);

  /// cos and sin of every pair at a position: [rope_dim / 2] each.
  void Angles(int position, float* cos, float* sin) const;

  /// Rotates one head [head_dim] in place with the angles of its position.
  void Rotate(float* head, const float* cos, const float* sin) const;

  [[nodiscard]] std::size_t num_pairs() const { return frequencies_.size(); }

 private:
  RopeLayout layout_;
  float magnitude_ = 1.0F;
  std::vector<float> frequencies_;  // radians per position
};

}  // namespace bowhead::model
