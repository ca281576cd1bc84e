// Who carries out matrix products and dense convolutions, [run] products:
//   own      the kernels of this folder's parent                                               <- the default, until measured
//   vendor   cuBLAS the pointwise convolutions, cuDNN the dense ones, wherever they take the type and shape
//   auto     cuBLAS where multiplications bound a product, so that writing plain operands and reading them again costs little
#pragma once
#include <cstdint>
#include <string>

#include "runtime/dtype.h"
#include "runtime/error.h"

namespace mcnn::cuda {

enum class Products : uint8_t { own, vendor, automatic };

inline Products products_named(const std::string& name) {
  if (name == "own") return Products::own;
  if (name == "vendor") return Products::vendor;
  if (name == "auto") return Products::automatic;
  fail("products '{}' is unknown: own, vendor or auto", name);
}

/// A product of maps (rows, in) and (rows, out) does in*out/(in+out) multiply-adds per element that moves, hence as many
/// operations per byte of a 16-bit type. sm_75 to sm_120 have tensor cores for 150 to 300 per byte of their memory. tf32 has half the
/// operations, on twice the bytes: the same. In fp32 proper the own kernels use tensor cores (three products of tf32) and cuBLAS
/// does not: never.
constexpr bool vendor_multiplies(Products products, DType type, bool tf32, int64_t in, int64_t out) {
  constexpr int64_t kPerByte = 200;
  const bool on_tensor_cores = type != DType::f32 || tf32;
  return products == Products::vendor || (products == Products::automatic && on_tensor_cores && in * out >= kPerByte * (in + out));
}

}  // namespace mcnn::cuda
