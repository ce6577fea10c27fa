// The table of AVX-512 with BF16. Constant-initialised: nothing of this file runs unless the dispatcher picks it.
#include "kernels/table_avx512bf16.h"

#include "kernels/ops_avx512.h"

namespace bowhead::kernels::avx512bf16 {

constinit const KernelTable kTable = {"avx512bf16",
                                      Matmul,
                                      Quantize,
                                      avx512::RmsNorm,
                                      avx512::Add,
                                      avx512::SiluMul,
                                      avx512::GeluMul,
                                      {&avx512::kAttentionF16, &avx512::kAttentionBf16Dot, &avx512::kAttentionQ8},
                                      avx512::MergeAttention,
                                      true};

}  // namespace bowhead::kernels::avx512bf16
