// The table of AVX-512 with BF16 products: AVX-512's kernels, but for BF16 weights.
#pragma once

#include "kernels/dispatch.h"

namespace bowhead::kernels::avx512bf16 {

/// See KernelTable::matmul and quantize.
void Matmul(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile* tiles,
            std::size_t num_tiles, float* out, std::size_t out_stride);
void Quantize(const float* x, std::size_t k, std::size_t column, bool with_values, const ActivationTile& tile);

/// The table of this instruction set.
extern const KernelTable kTable;

}  // namespace bowhead::kernels::avx512bf16
