#include "kernels/ref/reals.h"

#include <algorithm>

namespace mcnn::ref {
namespace {

/// 16-bit types convert only to and from fp32.
template <class T>
constexpr bool kNarrow = std::is_same_v<T, bf16> || std::is_same_v<T, f16>;

template <class T>
void load_as(const Tensor& x, Reals& values) {
  std::transform(x.data<T>(), x.data<T>() + x.size(), values.begin(), [](T v) {
    if constexpr (kNarrow<T>)
      return static_cast<double>(static_cast<float>(v));
    else
      return static_cast<double>(v);
  });
}

// double -> fp32 -> bf16 or f16 rounds twice; the difference is half an ulp of fp32, far below an ulp of the 16-bit type.
template <class T>
void store_as(const Reals& values, Tensor& x) {
  std::transform(values.begin(), values.end(), x.data<T>(), [](double v) {
    if constexpr (kNarrow<T>)
      return T(static_cast<float>(v));
    else
      return static_cast<T>(v);
  });
}

}  // namespace

Reals load(const Tensor& x) {
  Reals values = zeros(x.size());
  switch (x.dtype()) {
    case DType::f64: load_as<double>(x, values); break;
    case DType::f32: load_as<float>(x, values); break;
    case DType::bf16: load_as<bf16>(x, values); break;
    case DType::f16: load_as<f16>(x, values); break;
    case DType::u8: load_as<uint8_t>(x, values); break;
  }
  return values;
}

Reals load_or(const Tensor& x, int64_t count, double absent) {
  return x.defined() ? load(x) : Reals(static_cast<std::size_t>(count), absent);
}

void store(const Reals& values, Tensor& x) {
  if (!x.defined()) return;
  switch (x.dtype()) {
    case DType::f64: store_as<double>(values, x); break;
    case DType::f32: store_as<float>(values, x); break;
    case DType::bf16: store_as<bf16>(values, x); break;
    case DType::f16: store_as<f16>(values, x); break;
    case DType::u8: store_as<uint8_t>(values, x); break;
  }
}

}  // namespace mcnn::ref
