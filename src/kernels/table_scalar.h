// The scalar twin: every kernel in plain C++, for machines without vector extensions and as the tests' second opinion.
#pragma once

#include "kernels/dispatch.h"

namespace bowhead::kernels::scalar {

// Attention, of attention_scalar.cc.
extern const AttentionKernels kAttentionF16, kAttentionBf16, kAttentionQ8;
void MergeAttention(AttentionRow& row, float* total, const AttentionRow& chunk_row, const float* chunk, std::size_t n);

extern const KernelTable kTable;

}  // namespace bowhead::kernels::scalar
