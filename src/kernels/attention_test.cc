// One attention chunk of every instruction set against a softmax in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/half.h"

namespace bowhead::kernels {
namespace {

// Keys, values and queries of one chunk; V blocks behind the keys in use hold large values that must not leak.
struct Case {
  std::size_t rows;
  std::size_t head_dim;
  std::size_t blocks;
  std::vector<float> q;
  std::vector<std::vector<std::uint16_t>> k, v;
  std::vector<const std::uint16_t*> k_pointers, v_pointers;
  std::vector<std::int32_t> first, last;
  std::vector<float> out, max, sum, scratch;

  Case(std::size_t rows_in, std::size_t dim, std::size_t blocks_in, unsigned seed)
      : rows(rows_in),
        head_dim(dim),
        blocks(blocks_in),
        q(rows_in * dim),
        out(rows_in * dim),
        max(rows_in),
        sum(rows_in),
        scratch(kAttentionRows * kAttentionChunk) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, 0.5F);
    for (float& value : q) value = normal(random);
    for (std::size_t b = 0; b < blocks; ++b) {
      k.emplace_back(dim * 16);
      v.emplace_back(dim * 16);
      for (std::uint16_t& half : k.back()) half = FloatToHalf(normal(random));
      for (std::uint16_t& half : v.back()) half = FloatToHalf(normal(random));
      k_pointers.push_back(k.back().data());
      v_pointers.push_back(v.back().data());
    }
    const auto keys = static_cast<std::int32_t>(blocks * 16);
    for (std::size_t r = 0; r < rows; ++r) {
      last.push_back(keys - static_cast<std::int32_t>(r % 5));
      first.push_back(r % 3 == 2 ? keys / 2 : -7);
    }
  }

  void Run(const KernelTable& kernels) {
    kernels.attention({q.data(), rows, head_dim, k_pointers.data(), v_pointers.data(), blocks, first.data(),
                       last.data(), out.data(), max.data(), sum.data(), scratch.data()});
  }

  void Check() const {
    for (std::size_t r = 0; r < rows; ++r) {
      std::vector<double> scores;
      double largest = -1e300;
      const auto begin = static_cast<std::size_t>(std::max(first[r], 0));
      for (auto key = begin; key < static_cast<std::size_t>(last[r]); ++key) {
        double score = 0;
        for (std::size_t d = 0; d < head_dim; ++d) {
          score += static_cast<double>(q[r * head_dim + d]) * HalfToFloat(k[key / 16][d * 16 + key % 16]);
        }
        scores.push_back(score);
        largest = std::max(largest, score);
      }
      double total = 0;
      for (double& score : scores) total += score = std::exp(score - largest);
      ASSERT_NEAR(max[r], largest, 1e-4);
      ASSERT_NEAR(sum[r] * std::exp(max[r] - largest), total, 1e-4 * total);
      for (std::size_t d = 0; d < head_dim; ++d) {
        double value = 0;
        for (std::size_t i = 0; i < scores.size(); ++i) {
          value += scores[i] * HalfToFloat(v[(begin + i) / 16][(begin + i) % 16 * head_dim + d]);
        }
        ASSERT_NEAR(out[r * head_dim + d] / sum[r], value / total, 2e-5) << "row " << r << " dimension " << d;
      }
    }
  }
};

TEST(AttentionTest, MatchesDoublePrecision) {
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    SCOPED_TRACE(isa.table->name);
    for (std::size_t rows = 1; rows <= kAttentionRows; ++rows) {
      for (const std::size_t head_dim : {32, 64, 128}) {
        for (const std::size_t blocks : {1, 5, 16}) {
          Case c(rows, head_dim, blocks, static_cast<unsigned>(rows));
          c.Run(*isa.table);
          c.Check();
        }
      }
    }
  }
}

TEST(AttentionTest, ARowDependsNeitherOnNeighboursNorOnKeysThatItDoesNotSee) {
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    SCOPED_TRACE(isa.table->name);
    Case many(16, 64, 8, 9);
    many.first[4] = 0;
    many.last[4] = 30;
    many.Run(*isa.table);
    Case one(1, 64, 2, 9);
    std::copy(many.q.begin() + 4 * 64, many.q.begin() + 5 * 64, one.q.begin());
    one.k_pointers = {many.k[0].data(), many.k[1].data()};
    one.v_pointers = {many.v[0].data(), many.v[1].data()};
    one.first[0] = 0;
    one.last[0] = 30;
    one.Run(*isa.table);
    EXPECT_EQ(one.max[0], many.max[4]);
    EXPECT_EQ(one.sum[0], many.sum[4]);
    EXPECT_TRUE(std::equal(one.out.begin(), one.out.end(), many.out.begin() + 4 * 64));
  }
}

TEST(AttentionTest, ARowThatSeesNothingGivesNothing) {
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    Case c(2, 32, 1, 5);
    c.first[1] = 20;
    c.last[1] = 40;
    c.Run(*isa.table);
    EXPECT_TRUE(std::isinf(c.max[1]) && c.max[1] < 0) << isa.table->name;
    EXPECT_EQ(c.sum[1], 0.0F) << isa.table->name;
  }
}

}  // namespace
}  // namespace bowhead::kernels
