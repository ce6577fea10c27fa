// The AVX-512 product of quantized weights with many columns, for matmul_avx512.cc.
#pragma once

#include <cstddef>

#include "kernels/activations.h"
#include "kernels/packed_matrix.h"

namespace bowhead::kernels::avx512 {

/// Whether WideMatmul can do this product, and faster than one pass per tile.
bool WideIsFaster(const PackedMatrix& weights, const ActivationTile* tiles, std::size_t num_tiles);

/// See KernelTable::matmul; only where WideIsFaster. The same results as one call per tile, to the last bit.
void WideMatmul(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile* tiles,
                std::size_t num_tiles, float* out, std::size_t out_stride);

}  // namespace bowhead::kernels::avx512
