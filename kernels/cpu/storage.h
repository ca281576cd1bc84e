// The storage type of feature maps as a compile-time type.
#pragma once
#include "runtime/dtype.h"

namespace mcnn::cpu {

/// Calls work(T()) with the type of maps, float or bf16.
template <class Work>
void with_storage(DType storage, const Work& work) {
  if (storage == DType::f32) {
    work(float());
  } else {
    work(bf16());
  }
}

/// Calls work(T(), E()) with the type of maps and that of products' operands: bf16 maps are multiplied as bf16 where `bf16_dots`
/// (products/bf16_dots.h), else as fp32. `compiled` states whether this target has products of bf16.
template <bool compiled, class Work>
void with_product_types(DType storage, bool bf16_dots, const Work& work) {
  if (storage == DType::f32) return work(float(), float());
  if constexpr (compiled) {
    if (bf16_dots) return work(bf16(), bf16());
  }
  work(bf16(), float());
}

}  // namespace mcnn::cpu
