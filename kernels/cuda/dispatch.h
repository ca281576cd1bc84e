// Turns an operation's storage type and channels into a kernel's template parameters:
//   with_storage(y.dtype(), [&](auto zero) {
//     using T = decltype(zero);
//     with_width<T>(y.c(), [&](auto width) { launch(my_kernel<T, width()>, grid, stream(), y.data<T>()); });
//   });
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <type_traits>

#include "runtime/tensor.h"

namespace mcnn {
// The device's 16-bit floats have the same bits as those of runtime/dtype.h.
template <>
inline constexpr DType dtype_of<__nv_bfloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<__half> = DType::f16;
}  // namespace mcnn

namespace mcnn::cuda {

/// Calls f with a zero of the device's type for `storage`. Throws ShapeError if feature maps cannot have this type.
template <class F>
void with_storage(DType storage, F&& f) {
  switch (storage) {
    case DType::f32: return f(float{});
    case DType::bf16: return f(__nv_bfloat16{});
    case DType::f16: return f(__half{});
    case DType::f64:
    case DType::u8: break;
  }
  fail<ShapeError>("the CUDA kernels store no features as {}", name_of(storage));
}

/// Calls f with the elements per access, as a compile-time constant: 128 bits if every pixel's channels are aligned to that, else one
/// element. kMost: a smaller limit, for kernels with many coefficients and sums in registers.
template <class T, int kMost = 8, class F>
void with_width(int64_t channels, F&& f) {
  constexpr int kWidest = std::min(kMost, 16 / static_cast<int>(sizeof(T)));
  if (channels % kWidest == 0)
    f(std::integral_constant<int, kWidest>{});
  else
    f(std::integral_constant<int, 1>{});
}

}  // namespace mcnn::cuda
