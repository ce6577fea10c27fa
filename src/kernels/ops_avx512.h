// The AVX-512 kernels besides the matrix product, for table_avx512.cc. Contracts: KernelTable in dispatch.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dispatch.h"

namespace bowhead::kernels::avx512 {

void Quantize(const float* x, std::size_t k, std::size_t column, bool with_values, const ActivationTile& tile);
void RmsNorm(const float* x, const float* weight, std::size_t n, float epsilon, float* out);
void Add(const float* x, std::size_t n, float* y);
void SiluMul(const float* gate, const float* up, std::size_t n, float* out);
void GeluMul(const float* gate, const float* up, std::size_t n, float* out);

// Attention, of attention_*.cc.
extern const AttentionKernels kAttentionF16, kAttentionBf16, kAttentionBf16Dot, kAttentionQ8;
void MergeAttention(AttentionRow& row, float* total, const AttentionRow& chunk_row, const float* chunk, std::size_t n);

/// The table of this instruction set.
extern const KernelTable kTable;

}  // namespace bowhead::kernels::avx512
