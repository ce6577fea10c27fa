// The kernels of one instruction set as a table, chosen once at start by what the processor and the system support.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kernels/activations.h"
#include "kernels/attention.h"
#include "kernels/packed_matrix.h"

namespace bowhead::kernels {

/// Products of panels [first, last) of a matrix with all columns of `num_tiles` tiles, which count through:
/// out[column * out_stride + row - 16 first]. Rows of a padded last panel are written too, so `out` needs room up to a
/// whole panel. One call with all columns of a long prompt is cheaper than one per tile: weights are unpacked once.
using MatmulFn = void (*)(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile* tiles,
                          std::size_t num_tiles, float* out, std::size_t out_stride);

/// The kernels of one instruction set. Each result is the same for every tile width, to the last bit.
struct KernelTable {
  std::string_view name;  // "scalar", "avx2", "avx512", "avx512bf16"

  MatmulFn matmul;
  /// Quantizes column `column` of a tile from x [k]: q, scale and sums; and if asked for `values`, and `pairs` too
  /// where `bf16_products` says that BF16 weights are multiplied with activations rounded to bfloat16.
  void (*quantize)(const float* x, std::size_t k, std::size_t column, bool with_values, const ActivationTile& tile);
  /// out = x / rms(x) * weight, over n values. `out` may be x.
  void (*rms_norm)(const float* x, const float* weight, std::size_t n, float epsilon, float* out);
  /// y += x
  void (*add)(const float* x, std::size_t n, float* y);
  /// out = silu(gate) * up, or gelu_tanh(gate) * up. `out` may be gate.
  void (*silu_mul)(const float* gate, const float* up, std::size_t n, float* out);
  void (*gelu_mul)(const float* gate, const float* up, std::size_t n, float* out);
  /// By KvType.
  const AttentionKernels* attention[kNumKvTypes];
  MergeFn merge_attention;
  bool bf16_products = false;
};

/// Every instruction set that this program was built with, best first, with whether this machine can run it.
struct IsaSupport {
  const KernelTable* table;
  bool supported;
};
std::vector<IsaSupport> AllIsas();

/// The best supported table, or the one of that name ("" is the best). Errors: kInvalidArgument (unknown name: lists
/// the valid ones; or one that this processor cannot run).
base::Result<const KernelTable*> SelectIsa(std::string_view name);

}  // namespace bowhead::kernels
