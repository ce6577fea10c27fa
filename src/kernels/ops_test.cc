// Norms, activations, quantization and conversions of every instruction set against double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/half.h"

namespace bowhead::kernels {
namespace {

constexpr std::size_t kLengths[] = {1, 7, 16, 31, 32, 64, 100, 576};

std::vector<float> Normal(std::size_t n, float deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, deviation);
  std::vector<float> x(n);
  for (float& value : x) value = normal(random);
  return x;
}

template <class Test>
void ForEachIsa(Test test) {
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    SCOPED_TRACE(isa.table->name);
    test(*isa.table);
  }
}

TEST(OpsTest, RmsNorm) {
  ForEachIsa([](const KernelTable& kernels) {
    for (const std::size_t n : kLengths) {
      const std::vector<float> x = Normal(n, 3.0F, 1);
      const std::vector<float> weight = Normal(n, 1.0F, 2);
      std::vector<float> out(n + 1, 42.0F);
      kernels.rms_norm(x.data(), weight.data(), n, 1e-5F, out.data());
      double squares = 0;
      for (const float value : x) squares += static_cast<double>(value) * value;
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n) + 1e-5);
      for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(out[i], x[i] * scale * weight[i], 1e-5) << n;
      EXPECT_EQ(out[n], 42.0F) << "wrote behind the end";
    }
  });
}

TEST(OpsTest, GatedActivations) {
  ForEachIsa([](const KernelTable& kernels) {
    for (const std::size_t n : kLengths) {
      std::vector<float> gate = Normal(n, 6.0F, 3);
      gate[0] = -100.0F;
      const std::vector<float> up = Normal(n, 1.0F, 4);
      std::vector<float> silu(n);
      std::vector<float> gelu(n);
      kernels.silu_mul(gate.data(), up.data(), n, silu.data());
      kernels.gelu_mul(gate.data(), up.data(), n, gelu.data());
      for (std::size_t i = 0; i < n; ++i) {
        const double g = gate[i];
        const double inner = std::sqrt(2.0 / M_PI) * (g + 0.044715 * g * g * g);
        ASSERT_NEAR(silu[i], g / (1.0 + std::exp(-g)) * up[i], 1e-5 * (1.0 + std::fabs(g))) << g;
        ASSERT_NEAR(gelu[i], 0.5 * g * (1.0 + std::tanh(inner)) * up[i], 1e-5 * (1.0 + std::fabs(g))) << g;
      }
    }
  });
}

TEST(OpsTest, AddTouchesOnlyItsRange) {
  ForEachIsa([](const KernelTable& kernels) {
    for (const std::size_t n : kLengths) {
      const std::vector<float> x = Normal(n, 1.0F, 5);
      std::vector<float> y(n + 1, 1.5F);
      kernels.add(x.data(), n, y.data());
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], x[i] + 1.5F);
      EXPECT_EQ(y[n], 1.5F);
    }
  });
}

TEST(HalfTest, EveryHalfSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = HalfToFloat(half);
    if (std::isnan(value)) continue;
    ASSERT_EQ(FloatToHalf(value), half);
  }
}

TEST(OpsTest, QuantizeIsWithinHalfAStep) {
  ForEachIsa([](const KernelTable& kernels) {
    constexpr std::size_t kWidth = 3;
    constexpr std::size_t kColumns = 96;
    alignas(64) std::byte memory[TileBytes(kColumns, kWidth)];
    const ActivationTile tile = MakeTile(memory, kColumns, kWidth);
    std::vector<float> x = Normal(kColumns, 2.0F, 6);
    std::fill(x.begin() + 32, x.begin() + 64, 0.0F);
    for (std::size_t c = 0; c < kWidth; ++c) kernels.quantize(x.data(), kColumns, c, true, tile);
    for (std::size_t k = 0; k < kColumns; ++k) {
      const std::size_t at = k / 32 * kWidth + 1;
      EXPECT_NEAR(tile.q[at * 32 + k % 32] * tile.scale[at], x[k], tile.scale[at] * 0.5F + 1e-7F);
      EXPECT_EQ(tile.values[k * kWidth + 1], x[k]);
    }
    for (std::size_t b = 0; b < 3; ++b) {
      int sums[2] = {0, 0};
      for (std::size_t i = 0; i < 32; ++i) sums[i / 16] += tile.q[(b * kWidth + 2) * 32 + i];
      EXPECT_EQ(tile.sum[b * kWidth + 2], -128 * (sums[0] + sums[1]));
      EXPECT_EQ(tile.half_sum[b * 2 * kWidth + 2], -128 * sums[0]);
      EXPECT_EQ(tile.half_sum[(b * 2 + 1) * kWidth + 2], -128 * sums[1]);
      EXPECT_FLOAT_EQ(tile.scaled_sum[b * kWidth + 2],
                      tile.scale[b * kWidth + 2] * static_cast<float>(sums[0] + sums[1]));
    }
  });
}

TEST(OpsTest, QuantizeSurvivesWhatIsNotFinite) {
  ForEachIsa([](const KernelTable& kernels) {
    alignas(64) std::byte memory[TileBytes(32, 1)];
    const ActivationTile tile = MakeTile(memory, 32, 1);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<float> x(32, bad);
      kernels.quantize(x.data(), 32, 0, false, tile);
      EXPECT_LE(std::abs(tile.sum[0]), 128 * 32 * 128);
    }
  });
}

TEST(DispatchTest, UnknownNamesAreRefusedWithTheList) {
  const auto result = SelectIsa("sse9");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.status().message().find("scalar"), std::string::npos);
  EXPECT_TRUE(SelectIsa("").ok());
  EXPECT_EQ((*SelectIsa("scalar"))->name, "scalar");
}

}  // namespace
}  // namespace bowhead::kernels
