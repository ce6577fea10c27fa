// The AVX2 matrix product, for table_avx2.cc.
#pragma once

#include <cstddef>

#include "kernels/activations.h"
#include "kernels/packed_matrix.h"

namespace bowhead::kernels::avx2 {

/// See KernelTable::matmul.
void Matmul(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile* tiles,
            std::size_t num_tiles, float* out, std::size_t out_stride);

}  // namespace bowhead::kernels::avx2
