#include "model/arch/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bowhead::model {
namespace {

// The pair that turns `turns` times within the original context.
double YarnPair(const ModelSpec& spec, double turns) {
  const double wavelengths = spec.rope_original_context / (turns * 2.0 * std::numbers::pi);
  return spec.rope_dim * std::log(wavelengths) / (2.0 * std::log(spec.rope_base));
}

// How much of pair i's frequency is kept rather than interpolated.
double YarnKept(const ModelSpec& spec, std::size_t i) {
  const double low = std::max(std::floor(YarnPair(spec, spec.yarn_beta_fast)), 0.0);
  const double high = std::min(std::ceil(YarnPair(spec, spec.yarn_beta_slow)), spec.rope_dim - 1.0);
  const double ramp = (static_cast<double>(i) - low) / std::max(high - low, 0.001);
  return 1.0 - std::clamp(ramp, 0.0, 1.0);
}

}  // namespace

Rope::Rope(const ModelSpec& spec, bool local, std::span<const float> factors) : layout_(spec.rope_layout) {
  const bool own_base = local && spec.rope_base_local != 0.0F;
  const double base = own_base ? spec.rope_base_local : spec.rope_base;
  const RopeScaling scaling = own_base ? RopeScaling::kNone : spec.rope_scaling;
  frequencies_.resize(static_cast<std::size_t>(spec.rope_dim) / 2);
  for (std::size_t i = 0; i < frequencies_.size(); ++i) {
    double frequency = std::pow(base, -2.0 * static_cast<double>(i) / spec.rope_dim);
    if (i < factors.size()) frequency /= factors[i];
    if (scaling == RopeScaling::kLinear) frequency /= spec.rope_factor;
    if (scaling == RopeScaling::kYarn) {
      const double kept = YarnKept(spec, i);
      frequency *= kept + (1.0 - kept) / spec.rope_factor;
    }
    frequencies_[i] = static_cast<float>(frequency);
  }
  if (scaling == RopeScaling::kYarn) magnitude_ = spec.yarn_attention_factor;
}

void Rope::Angles(int position, float* cos, float* sin) const {
  for (std::size_t i = 0; i < frequencies_.size(); ++i) {
    // In double: at position 100,000 a float angle is off by 0.004 radians.
    const double angle = static_cast<double>(position) * frequencies_[i];
    cos[i] = static_cast<float>(std::cos(angle)) * magnitude_;
    sin[i] = static_cast<float>(std::sin(angle)) * magnitude_;
  }
}

void Rope::Rotate(float* head, const float* cos, const float* sin) const {
  const std::size_t pairs = frequencies_.size();
  const std::size_t step = layout_ == RopeLayout::kInterleaved ? 2 : 1;
  const std::size_t distance = layout_ == RopeLayout::kInterleaved ? 1 : pairs;
  for (std::size_t i = 0; i < pairs; ++i) {
    float& a = head[i * step];
    float& b = head[i * step + distance];
    const float old_a = a;
    a = old_a * cos[i] - b * sin[i];
    b = old_a * sin[i] + b * cos[i];
  }
}

}  // namespace bowhead::model
