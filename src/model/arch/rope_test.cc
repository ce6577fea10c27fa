#include "model/arch/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bowhead::model {
namespace {

ModelSpec Spec(RopeLayout layout) {
  ModelSpec spec;
  spec.head_dim = 8;
  spec.rope_dim = 8;
  spec.rope_layout = layout;
  return spec;
}

TEST(RopeTest, LayoutsRotateTheSamePairsElsewhere) {
  float cos[4];
  float sin[4];
  const Rope interleaved(Spec(RopeLayout::kInterleaved), false, {});
  const Rope halves(Spec(RopeLayout::kHalves), false, {});
  interleaved.Angles(5, cos, sin);
  float a[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  float b[8] = {1, 3, 5, 7, 2, 4, 6, 8};
  interleaved.Rotate(a, cos, sin);
  halves.Rotate(b, cos, sin);
  for (int i = 0; i < 4; ++i) {
    const double angle = 5.0 * std::pow(10000.0, -i / 4.0);
    EXPECT_NEAR(a[2 * i], (2 * i + 1) * std::cos(angle) - (2 * i + 2) * std::sin(angle), 1e-5);
    EXPECT_EQ(a[2 * i], b[i]);
    EXPECT_EQ(a[2 * i + 1], b[i + 4]);
  }
}

TEST(RopeTest, ScalingsStretchPositions) {
  ModelSpec linear = Spec(RopeLayout::kHalves);
  linear.rope_scaling = RopeScaling::kLinear;
  linear.rope_factor = 4.0F;
  float cos[4];
  float sin[4];
  float plain_cos[4];
  float plain_sin[4];
  Rope(linear, false, {}).Angles(40, cos, sin);
  Rope(Spec(RopeLayout::kHalves), false, {}).Angles(10, plain_cos, plain_sin);
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(cos[i], plain_cos[i], 1e-5);

  const std::vector<float> factors = {1, 1, 2, 8};
  Rope(Spec(RopeLayout::kHalves), false, factors).Angles(8, cos, sin);
  EXPECT_NEAR(cos[3], std::cos(8 * std::pow(10000.0, -0.75) / 8), 1e-6);
}

TEST(RopeTest, YarnKeepsFastPairsAndStretchesSlowOnes) {
  ModelSpec yarn = Spec(RopeLayout::kHalves);
  yarn.head_dim = yarn.rope_dim = 64;
  yarn.rope_scaling = RopeScaling::kYarn;
  yarn.rope_factor = 8.0F;
  yarn.rope_original_context = 4096;
  yarn.yarn_attention_factor = 1.0F;
  float cos[32];
  float sin[32];
  Rope(yarn, false, {}).Angles(3, cos, sin);
  EXPECT_NEAR(sin[0], std::sin(3.0), 1e-6);
  EXPECT_NEAR(sin[31], std::sin(3.0 * std::pow(10000.0, -62.0 / 64.0) / 8.0), 1e-7);
}

TEST(RopeTest, LocalLayersHaveTheirOwnBaseAndNoScaling) {
  ModelSpec gemma = Spec(RopeLayout::kHalves);
  gemma.rope_base = 1e6F;
  gemma.rope_base_local = 100.0F;
  gemma.rope_scaling = RopeScaling::kLinear;
  gemma.rope_factor = 8.0F;
  float cos[4];
  float sin[4];
  Rope(gemma, true, {}).Angles(2, cos, sin);
  EXPECT_NEAR(sin[2], std::sin(2.0 * std::pow(100.0, -0.5)), 1e-6);
}

}  // namespace
}  // namespace bowhead::model
