#include "kernels/cpu/products/bf16_dots.h"

#include <hwy/targets.h>

namespace mcnn::cpu {

bool has_bf16_dots() {
#if HWY_ARCH_X86
  const int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  return (supported & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

}  // namespace mcnn::cpu
