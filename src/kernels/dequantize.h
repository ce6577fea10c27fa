// Values of stored tensors as floats: for embedding rows, small tensors and tests.
#pragma once

#include <cstddef>

#include "kernels/tensor_type.h"

namespace bowhead::kernels {

/// Writes `n` values of one row (any type) to `out`. `row` points at the row's bytes as the file stores them; n is a
/// multiple of the type's block.
void DequantizeRow(TensorType type, const std::byte* row, std::size_t n, float* out);

}  // namespace bowhead::kernels
