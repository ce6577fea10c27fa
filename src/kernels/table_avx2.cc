// The AVX2 table. Constant-initialised: nothing of this file runs unless the dispatcher picks it.
#include "kernels/matmul_avx2.h"
#include "kernels/ops_avx2.h"

namespace bowhead::kernels::avx2 {

constinit const KernelTable kTable = {
    "avx2",        Matmul, Quantize, RmsNorm, Add, SiluMul, GeluMul, {&kAttentionF16, &kAttentionBf16, &kAttentionQ8},
    MergeAttention};

}  // namespace bowhead::kernels::avx2
