// Which code runs matrix products and dense convolutions, [run] products:
//   own      the kernels in kernels/cuda/
//   vendor   cuBLAS for pointwise and cuDNN for dense convolutions, if the library is found and supports the type and shape
//   auto     the default. On a GPU vendor: on an H200 it is faster in every layer of B4, by 1.1 to 6 times (docs/gpu.md). On the
//            emulator own: slow loops that check the calls stand in for the libraries there
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
