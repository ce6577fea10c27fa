// One attention chunk of every instruction set and cache format against a softmax in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/half.h"

namespace bowhead::kernels {
namespace {

constexpr float kLog2E = 1.44269504F;

template <class T>
T At(const std::vector<std::byte>& block, std::size_t index, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, block.data() + offset + index * sizeof(T), sizeof(T));
  return value;
}

// The formats once more, from the comment of KvType.
double KeyAt(KvType type, const std::vector<std::byte>& block, std::size_t dim, std::size_t d, std::size_t slot) {
  switch (type) {
    case KvType::kF16:
      return HalfToFloat(At<std::uint16_t>(block, d * 16 + slot));
    case KvType::kBf16:
      return BFloat16ToFloat(At<std::uint16_t>(block, (d / 2 * 16 + slot) * 2 + d % 2));
    case KvType::kQ8:
      break;
  }
  const int code = At<std::uint8_t>(block, (d / 4 * 16 + slot) * 4 + d % 4) - 128;
  return static_cast<double>(At<float>(block, d / 32 * 16 + slot, dim * 16)) * code;
}

double ValueAt(KvType type, const std::vector<std::byte>& block, std::size_t dim, std::size_t d, std::size_t slot) {
  switch (type) {
    case KvType::kF16:
      return HalfToFloat(At<std::uint16_t>(block, slot * dim + d));
    case KvType::kBf16:
      return BFloat16ToFloat(At<std::uint16_t>(block, (slot / 2 * dim + d) * 2 + slot % 2));
    case KvType::kQ8:
      break;
  }
  return static_cast<double>(At<float>(block, slot, dim * 16)) *
         At<std::int8_t>(block, (slot / 4 * dim + d) * 4 + slot % 4);
}

// Keys, values and queries of one chunk, written by the kernels under test.
struct Case {
  KvType type;
  std::size_t rows;
  std::size_t head_dim;
  std::size_t blocks;
  std::vector<float> q;
  std::vector<std::vector<std::byte>> k, v;
  std::vector<std::int32_t> first, last;
  std::vector<float> out, max, sum, scratch;

  Case(const AttentionKernels& kernels, KvType type_in, std::size_t rows_in, std::size_t dim, std::size_t blocks_in,
       unsigned seed)
      : type(type_in),
        rows(rows_in),
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
    std::vector<float> x(dim);
    for (std::size_t b = 0; b < blocks; ++b) {
      k.emplace_back(KeyBlockBytes(type, dim));
      v.emplace_back(ValueBlockBytes(type, dim));
      for (std::size_t slot = 0; slot < kBlockKeys; ++slot) {
        for (float& value : x) value = normal(random);
        kernels.store_key(x.data(), dim, slot, k.back().data());
        for (float& value : x) value = normal(random);
        kernels.store_value(x.data(), dim, slot, v.back().data());
      }
    }
    const auto keys = static_cast<std::int32_t>(blocks * 16);
    for (std::size_t r = 0; r < rows; ++r) {
      last.push_back(keys - static_cast<std::int32_t>(r % 5));
      first.push_back(r % 3 == 2 ? keys / 2 : -7);
    }
  }

  void Run(const AttentionKernels& kernels) {
    std::vector<std::byte> packed(rows * PackedQueryBytes(head_dim));
    for (std::size_t r = 0; r < rows; ++r) {
      kernels.pack_query(q.data() + r * head_dim, head_dim, kLog2E, packed.data() + r * PackedQueryBytes(head_dim));
    }
    std::vector<const std::byte*> k_blocks;
    std::vector<const std::byte*> v_blocks;
    for (std::size_t b = 0; b < blocks; ++b) {
      k_blocks.push_back(k[b].data());
      v_blocks.push_back(v[b].data());
    }
    kernels.chunk({packed.data(), rows, head_dim, k_blocks.data(), v_blocks.data(), blocks, first.data(), last.data(),
                   out.data(), max.data(), sum.data(), scratch.data()});
  }

  void Check(double tolerance) const {
    for (std::size_t r = 0; r < rows; ++r) {
      std::vector<double> scores;
      double largest = -1e300;
      const auto begin = static_cast<std::size_t>(std::max(first[r], 0));
      for (auto key = begin; key < static_cast<std::size_t>(last[r]); ++key) {
        double score = 0;
        for (std::size_t d = 0; d < head_dim; ++d) {
          score += static_cast<double>(q[r * head_dim + d]) * KeyAt(type, k[key / 16], head_dim, d, key % 16);
        }
        scores.push_back(score);
        largest = std::max(largest, score);
      }
      double total = 0;
      for (double& score : scores) total += score = std::exp(score - largest);
      ASSERT_NEAR(max[r] / kLog2E, largest, 10 * tolerance) << "row " << r;
      ASSERT_NEAR(sum[r] * std::exp2(static_cast<double>(max[r]) - largest * kLog2E), total, 10 * tolerance * total);
      for (std::size_t d = 0; d < head_dim; ++d) {
        double value = 0;
        for (std::size_t i = 0; i < scores.size(); ++i) {
          value += scores[i] * ValueAt(type, v[(begin + i) / 16], head_dim, d, (begin + i) % 16);
        }
        ASSERT_NEAR(out[r * head_dim + d] / sum[r], value / total, tolerance) << "row " << r << " dimension " << d;
      }
    }
  }
};

// vdpbf16ps rounds queries and weights to 8 bits as well; with q8, AVX-512 has 16 bits of each.
double Tolerance(const KernelTable& table, KvType type) {
  if (table.name == "avx512bf16" && type == KvType::kBf16) return 1.5e-2;
  return type == KvType::kQ8 ? 5e-4 : 2e-5;
}

template <class Test>
void ForEachKernel(Test test) {
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    for (std::size_t type = 0; type < kNumKvTypes; ++type) {
      SCOPED_TRACE(std::string(isa.table->name) + " " + std::string(kKvTypeNames[type]));
      test(*isa.table, *isa.table->attention[type], static_cast<KvType>(type));
    }
  }
}

TEST(AttentionTest, MatchesDoublePrecision) {
  ForEachKernel([](const KernelTable& table, const AttentionKernels& kernels, KvType type) {
    for (std::size_t rows = 1; rows <= kAttentionRows; ++rows) {
      for (const std::size_t head_dim : {32, 96, 256}) {
        for (const std::size_t blocks : {1, 5, 16}) {
          SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(head_dim));
          Case c(kernels, type, rows, head_dim, blocks, static_cast<unsigned>(rows));
          c.Run(kernels);
          c.Check(Tolerance(table, type));
        }
      }
    }
  });
}

TEST(AttentionTest, EntriesAreRoundedToNearest) {
  ForEachKernel([](const KernelTable&, const AttentionKernels& kernels, KvType type) {
    constexpr std::size_t kDim = 64;
    std::vector<float> x(kDim);
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0.0F, 2.0F);
    for (float& value : x) value = normal(random);
    for (std::size_t d = 32; d < kDim; ++d) x[d] *= 0.01F;
    for (std::size_t slot = 0; slot < kBlockKeys; ++slot) {
      std::vector<std::byte> k(KeyBlockBytes(type, kDim));
      std::vector<std::byte> v(ValueBlockBytes(type, kDim));
      kernels.store_key(x.data(), kDim, slot, k.data());
      kernels.store_value(x.data(), kDim, slot, v.data());
      for (std::size_t d = 0; d < kDim; ++d) {
        const double relative = type == KvType::kF16 ? 0x1p-11 : 0x1p-8;
        double key_error = relative * std::fabs(x[d]);
        double value_error = key_error;
        if (type == KvType::kQ8) {
          const auto largest = [&](std::size_t begin, std::size_t end) {
            double most = 0;
            for (std::size_t i = begin; i < end; ++i) most = std::max(most, std::fabs(static_cast<double>(x[i])));
            return most;
          };
          key_error = largest(d / 32 * 32, d / 32 * 32 + 32) / 254 * 1.0001;
          value_error = largest(0, kDim) / 254 * 1.0001;
        }
        ASSERT_NEAR(KeyAt(type, k, kDim, d, slot), x[d], key_error) << d;
        ASSERT_NEAR(ValueAt(type, v, kDim, d, slot), x[d], value_error) << d;
        ASSERT_EQ(KeyAt(type, k, kDim, d, (slot + 1) % 16), 0.0) << "wrote to another token";
        ASSERT_EQ(ValueAt(type, v, kDim, d, (slot + 1) % 16), 0.0) << "wrote to another token";
      }
    }
  });
}

TEST(AttentionTest, WhatIsNotFiniteBecomesFinite) {
  ForEachKernel([](const KernelTable&, const AttentionKernels& kernels, KvType type) {
    std::vector<float> x(32, 0.5F);
    x[0] = std::numeric_limits<float>::quiet_NaN();
    x[1] = std::numeric_limits<float>::infinity();
    x[2] = -1e30F;
    std::vector<std::byte> k(KeyBlockBytes(type, 32));
    std::vector<std::byte> v(ValueBlockBytes(type, 32));
    kernels.store_key(x.data(), 32, 3, k.data());
    kernels.store_value(x.data(), 32, 3, v.data());
    for (std::size_t d = 0; d < 32; ++d) {
      EXPECT_TRUE(std::fabs(KeyAt(type, k, 32, d, 3)) < 66000) << d;
      EXPECT_TRUE(std::fabs(ValueAt(type, v, 32, d, 3)) < 66000) << d;
    }
  });
}

TEST(AttentionTest, ARowDependsNeitherOnNeighboursNorOnKeysThatItDoesNotSee) {
  ForEachKernel([](const KernelTable&, const AttentionKernels& kernels, KvType type) {
    Case many(kernels, type, 16, 96, 8, 9);
    many.first[4] = 0;
    many.last[4] = 30;
    many.Run(kernels);
    for (const std::size_t rows : {1, 2, 3, 5, 7, 9, 12}) {
      Case few(kernels, type, rows, 96, 2, 10);
      std::copy(many.q.begin() + 4 * 96, many.q.begin() + 5 * 96, few.q.end() - 96);
      few.k = {many.k[0], many.k[1]};
      few.v = {many.v[0], many.v[1]};
      few.first.back() = 0;
      few.last.back() = 30;
      few.Run(kernels);
      EXPECT_EQ(few.max.back(), many.max[4]) << rows;
      EXPECT_EQ(few.sum.back(), many.sum[4]) << rows;
      EXPECT_TRUE(std::equal(few.out.end() - 96, few.out.end(), many.out.begin() + 4 * 96)) << rows;
    }
  });
}

TEST(AttentionTest, ARowThatSeesNothingGivesNothing) {
  ForEachKernel([](const KernelTable& table, const AttentionKernels& kernels, KvType type) {
    Case c(kernels, type, 2, 32, 1, 5);
    c.first[1] = 20;
    c.last[1] = 40;
    c.Run(kernels);
    EXPECT_TRUE(std::isinf(c.max[1]) && c.max[1] < 0);
    EXPECT_EQ(c.sum[1], 0.0F);
    AttentionRow row{1.0F, 2.0F};
    std::vector<float> total(32, 3.0F);
    table.merge_attention(row, total.data(), {c.max[1], c.sum[1]}, c.out.data() + 32, 32);
    EXPECT_EQ(total, std::vector<float>(32, 3.0F));
    EXPECT_EQ(row.sum, 2.0F);
  });
}

TEST(AttentionTest, MergingTwoChunksIsTheSoftmaxOverBoth) {
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    AttentionRow row;
    std::vector<float> total(32, 0.0F);
    const std::vector<float> a(32, 1.5F);
    const std::vector<float> b(32, -4.0F);
    isa.table->merge_attention(row, total.data(), {-3.0F, 2.0F}, a.data(), 32);
    isa.table->merge_attention(row, total.data(), {1.25F, 7.0F}, b.data(), 32);
    const double keep = std::exp2(-4.25);
    EXPECT_EQ(row.max, 1.25F) << isa.table->name;
    EXPECT_NEAR(row.sum, 2.0 * keep + 7.0, 1e-5) << isa.table->name;
    for (const float value : total) ASSERT_NEAR(value, 1.5 * keep - 4.0, 1e-5) << isa.table->name;
  }
}

}  // namespace
}  // namespace bowhead::kernels
