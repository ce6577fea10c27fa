// The AVX-512 table. Constant-initialised: nothing of this file runs unless the dispatcher picks it.
#include "kernels/matmul_avx512.h"
#include "kernels/ops_avx512.h"

namespace bowhead::kernels::avx512 {

constinit const KernelTable kTable = {
    "avx512",      Matmul, Quantize, RmsNorm, Add, SiluMul, GeluMul, {&kAttentionF16, &kAttentionBf16, &kAttentionQ8},
    MergeAttention};

}  // namespace bowhead::kernels::avx512
