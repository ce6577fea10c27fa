// Attention without special instructions; it defines the formats and the results.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/half.h"
#include "kernels/table_scalar.h"

namespace bowhead::kernels::scalar {
namespace {

template <class T>
T Load(const std::byte* p, std::size_t index) {
  T value;
  std::memcpy(&value, p + index * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void Store(std::byte* p, std::size_t index, T value) {
  std::memcpy(p + index * sizeof(T), &value, sizeof(T));
}

// Not a number becomes the smallest.
float Clamp(float x) {
  return x >= -kLargestKvValue ? std::min(x, kLargestKvValue) : -kLargestKvValue;
}

// The scale of n values as bytes; 0 if they are all 0.
float ByteScale(const float* x, std::size_t n) {
  float largest = 0.0F;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(Clamp(x[i])));
  return largest / 127.0F;
}

std::int8_t ToByte(float x, float scale) {
  if (scale == 0.0F) return 0;
  return static_cast<std::int8_t>(std::clamp(std::nearbyint(Clamp(x) / scale), -127.0F, 127.0F));
}

struct F16 {
  static std::uint16_t Encode(float x) { return FloatToHalf(Clamp(x)); }
  static float Key(const std::byte* block, std::size_t, std::size_t d, std::size_t slot) {
    return HalfToFloat(Load<std::uint16_t>(block, d * kBlockKeys + slot));
  }
  static float Value(const std::byte* block, std::size_t head_dim, std::size_t d, std::size_t slot) {
    return HalfToFloat(Load<std::uint16_t>(block, slot * head_dim + d));
  }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    for (std::size_t d = 0; d < head_dim; ++d) Store(block, d * kBlockKeys + slot, Encode(x[d]));
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    for (std::size_t d = 0; d < head_dim; ++d) Store(block, slot * head_dim + d, Encode(x[d]));
  }
};

struct Bf16 {
  static std::size_t KeyAt(std::size_t d, std::size_t slot) { return (d / 2 * kBlockKeys + slot) * 2 + d % 2; }
  static std::size_t ValueAt(std::size_t head_dim, std::size_t d, std::size_t slot) {
    return (slot / 2 * head_dim + d) * 2 + slot % 2;
  }
  static std::uint16_t Encode(float x) { return FloatToBFloat16(Clamp(x)); }
  static float Key(const std::byte* block, std::size_t, std::size_t d, std::size_t slot) {
    return BFloat16ToFloat(Load<std::uint16_t>(block, KeyAt(d, slot)));
  }
  static float Value(const std::byte* block, std::size_t head_dim, std::size_t d, std::size_t slot) {
    return BFloat16ToFloat(Load<std::uint16_t>(block, ValueAt(head_dim, d, slot)));
  }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    for (std::size_t d = 0; d < head_dim; ++d) Store(block, KeyAt(d, slot), Encode(x[d]));
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    for (std::size_t d = 0; d < head_dim; ++d) Store(block, ValueAt(head_dim, d, slot), Encode(x[d]));
  }
};

struct Q8 {
  static std::size_t KeyAt(std::size_t d, std::size_t slot) { return (d / 4 * kBlockKeys + slot) * 4 + d % 4; }
  static std::size_t ValueAt(std::size_t head_dim, std::size_t d, std::size_t slot) {
    return (slot / 4 * head_dim + d) * 4 + slot % 4;
  }
  static float Key(const std::byte* block, std::size_t head_dim, std::size_t d, std::size_t slot) {
    const int code = Load<std::uint8_t>(block, KeyAt(d, slot)) - 128;
    return static_cast<float>(code) * Load<float>(block + kBlockKeys * head_dim, d / kKeyScaleDims * kBlockKeys + slot);
  }
  static float Value(const std::byte* block, std::size_t head_dim, std::size_t d, std::size_t slot) {
    return static_cast<float>(Load<std::int8_t>(block, ValueAt(head_dim, d, slot))) *
           Load<float>(block + kBlockKeys * head_dim, slot);
  }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    for (std::size_t group = 0; group < head_dim / kKeyScaleDims; ++group) {
      const float* part = x + group * kKeyScaleDims;
      const float scale = ByteScale(part, kKeyScaleDims);
      Store(block + kBlockKeys * head_dim, group * kBlockKeys + slot, scale);
      for (std::size_t i = 0; i < kKeyScaleDims; ++i) {
        Store(block, KeyAt(group * kKeyScaleDims + i, slot), static_cast<std::uint8_t>(ToByte(part[i], scale) + 128));
      }
    }
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    const float scale = ByteScale(x, head_dim);
    Store(block + kBlockKeys * head_dim, slot, scale);
    for (std::size_t d = 0; d < head_dim; ++d) Store(block, ValueAt(head_dim, d, slot), ToByte(x[d], scale));
  }
};

void PackQuery(const float* q, std::size_t head_dim, float scale, std::byte* packed) {
  for (std::size_t d = 0; d < head_dim; ++d) Store(packed, d, q[d] * scale);
}

template <class Format>
void Row(const AttentionChunk& c, std::size_t row) {
  const std::byte* q = c.q + row * PackedQueryBytes(c.head_dim);
  float* scores = c.scratch + row * kAttentionChunk;
  float* out = c.out + row * c.head_dim;
  const auto first = static_cast<std::size_t>(std::max(c.first_key[row], 0));
  const auto last = std::min(static_cast<std::size_t>(std::max(c.last_key[row], 0)), c.num_blocks * kBlockKeys);
  float max = -std::numeric_limits<float>::infinity();
  for (std::size_t key = first; key < last; ++key) {
    const std::byte* block = c.k_blocks[key / kBlockKeys];
    float score = 0.0F;
    for (std::size_t d = 0; d < c.head_dim; ++d) {
      score += Load<float>(q, d) * Format::Key(block, c.head_dim, d, key % kBlockKeys);
    }
    scores[key] = score;
    max = std::max(max, score);
  }
  std::fill(out, out + c.head_dim, 0.0F);
  float sum = 0.0F;
  for (std::size_t key = first; key < last; ++key) {
    const std::byte* block = c.v_blocks[key / kBlockKeys];
    const float p = std::exp2(scores[key] - max);
    sum += p;
    for (std::size_t d = 0; d < c.head_dim; ++d) out[d] += p * Format::Value(block, c.head_dim, d, key % kBlockKeys);
  }
  c.max[row] = max;
  c.sum[row] = sum;
}

template <class Format>
void Chunk(const AttentionChunk& c) {
  for (std::size_t row = 0; row < c.rows; ++row) Row<Format>(c, row);
}

template <class Format>
constexpr AttentionKernels kKernels = {Format::StoreKey, Format::StoreValue, PackQuery, Chunk<Format>};

}  // namespace

constinit const AttentionKernels kAttentionF16 = kKernels<F16>;
constinit const AttentionKernels kAttentionBf16 = kKernels<Bf16>;
constinit const AttentionKernels kAttentionQ8 = kKernels<Q8>;

void MergeAttention(AttentionRow& row, float* total, const AttentionRow& chunk_row, const float* chunk, std::size_t n) {
  if (chunk_row.max == -std::numeric_limits<float>::infinity()) return;
  const float max = std::max(row.max, chunk_row.max);
  const float keep = std::exp2(row.max - max);
  const float take = std::exp2(chunk_row.max - max);
  for (std::size_t d = 0; d < n; ++d) total[d] = total[d] * keep + chunk[d] * take;
  row.sum = row.sum * keep + chunk_row.sum * take;
  row.max = max;
}

}  // namespace bowhead::kernels::scalar
