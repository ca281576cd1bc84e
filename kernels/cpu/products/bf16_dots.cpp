// Asks the processor for AVX512_BF16, and the target that Highway chooses whether it was compiled with products of bf16.
#include "kernels/cpu/products/bf16_dots.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/products/bf16_dots.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include "kernels/cpu/simd/bf16_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
bool compiled() { return kBf16Dots; }
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(compiled);

bool has_bf16_dots() {
#if HWY_ARCH_X86
  return HWY_DYNAMIC_DISPATCH(compiled)() && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

}  // namespace mcnn::cpu
#endif
