#include "kernels/dispatch.h"

#include <string>

#include "kernels/table_scalar.h"
#if defined(__x86_64__)
#include <cpuid.h>

#include "kernels/ops_avx2.h"
#include "kernels/ops_avx512.h"
#include "kernels/table_avx512bf16.h"
#endif

namespace bowhead::kernels {
namespace {

#if defined(__x86_64__)
// Clang 16 does not know "f16c" by name. It works on the registers of AVX, which the system is asked about below.
bool HasF16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

// __builtin_cpu_supports asks the operating system too (XGETBV), so that a register set it does not save is not used.
bool HasAvx2() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && HasF16c();
}

bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
         __builtin_cpu_supports("avx512vnni") != 0;
}

bool HasAvx512Bf16() {
  return HasAvx512() && __builtin_cpu_supports("avx512bf16") != 0;
}
#endif

std::string ListIsas() {
  std::string list;
  for (const IsaSupport& isa : AllIsas()) {
    list += list.empty() ? "" : ", ";
    list += std::string(isa.table->name) + (isa.supported ? "" : " (not on this processor)");
  }
  return list;
}

}  // namespace

std::vector<IsaSupport> AllIsas() {
  return {
#if defined(__x86_64__)
    {&avx512bf16::kTable, HasAvx512Bf16()}, {&avx512::kTable, HasAvx512()}, {&avx2::kTable, HasAvx2()},
#endif
        {&scalar::kTable, true},
  };
}

base::Result<const KernelTable*> SelectIsa(std::string_view name) {
  for (const IsaSupport& isa : AllIsas()) {
    if (name.empty() ? isa.supported : isa.table->name == name) {
      if (isa.supported) return isa.table;
      return base::InvalidArgument("this processor cannot run the instruction set \"" + std::string(name) +
                                   "\"; choose one of: " + ListIsas());
    }
  }
  return base::InvalidArgument("unknown instruction set \"" + std::string(name) + "\"; choose one of: " + ListIsas());
}

}  // namespace bowhead::kernels
