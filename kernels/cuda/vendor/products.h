// Who carries out matrix products and dense convolutions, [run] products:
//   own      the kernels of this folder's parent
//   vendor   cuBLAS the pointwise convolutions, cuDNN the dense ones, wherever they are found and take the type and shape
//   auto     vendor: on an H200 faster in every layer of B4, by 1.1 to 6 times (docs/gpu.md). On the emulator own: what stands there for
//            the libraries are loops that check the calls                                                     <- the default
#pragma once
#include <cstdint>
#include <string>

#include "runtime/error.h"

namespace mcnn::cuda {

enum class Products : uint8_t { own, vendor };

#ifdef MCNN_SIM
inline constexpr Products kFasterProducts = Products::own;
#else
inline constexpr Products kFasterProducts = Products::vendor;
#endif

inline Products products_named(const std::string& name) {
  if (name == "own") return Products::own;
  if (name == "vendor") return Products::vendor;
  if (name == "auto") return kFasterProducts;
  fail("products '{}' is unknown: own, vendor or auto", name);
}

}  // namespace mcnn::cuda
