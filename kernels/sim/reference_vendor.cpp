// Checks the operands of a call, then computes exactly what the call states, by loops.
// Contract: kernels/cuda/vendor/vendor.h. Next: kernels/cuda/vendor/pointwise.cu and convolution.cu make the calls.
#include "kernels/sim/reference_vendor.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "emulator/memory.h"
#include "kernels/cuda/ptx.cuh"
#include "runtime/error.h"

namespace simt {
namespace {

using mcnn::DType, mcnn::fail;
using namespace mcnn::cuda;

/// Calls f with a zero of the type.
template <class F>
void with_type(DType type, F&& f) {
  switch (type) {
    case DType::f32: return f(float{});
    case DType::bf16: return f(mcnn::bf16{});
    case DType::f16: return f(mcnn::f16{});
    case DType::f64:
    case DType::u8: break;
  }
  fail("no library multiplies {}", name_of(type));
}

/// `elements` elements from `address` on must be aligned and in device memory.
void require_memory(const char* what, const void* address, int64_t elements, DType type) {
  if (reinterpret_cast<std::uintptr_t>(address) % size_of(type) != 0) fail("{} is not aligned to its {}", what, name_of(type));
  if (!is_mapped(address, static_cast<std::size_t>(elements) * size_of(type)))
    fail("{}: its {} elements are not all in device memory", what, elements);
}
void require_workspace(const void* workspace, std::size_t bytes) {
  if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0) fail("the workspace is not aligned to 256 bytes");
  require_memory("the workspace", workspace, static_cast<int64_t>(bytes), DType::u8);
}
/// Overwrites a workspace: a call must not depend on its contents.
void spoil(void* workspace, std::size_t bytes) { std::memset(workspace, 0xFF, bytes); }

/// A matrix of rows x columns, stored column by column.
void require_matrix(const char* what, const void* address, int rows, int columns, int ld, DType type) {
  if (ld < std::max(1, rows)) fail("gemm: ld{} is {}, {} has {} rows", what, ld, what, rows);
  require_memory(what, address, static_cast<int64_t>(columns - 1) * ld + rows, type);
}

/// The number that is multiplied: `value`, or its tf32.
float operand(float value, bool tf32) { return tf32 ? std::bit_cast<float>(to_tf32(value)) : value; }
void require_arithmetic(const char* what, DType type, bool tf32) {
  if (tf32 && type != DType::f32) fail("{}: {} is not multiplied as tf32", what, name_of(type));
}

/// op(X) in k-major order: element (i, depth) at i*k + depth.
std::vector<float> by_depth(const void* matrix, int outer, int k, int ld, bool depth_first, DType type, bool tf32) {
  std::vector<float> out(static_cast<std::size_t>(outer) * static_cast<std::size_t>(k));
  with_type(type, [&](auto zero) {
    const auto* x = static_cast<const decltype(zero)*>(matrix);
    for (int64_t i = 0; i < outer; ++i)
      for (int64_t depth = 0; depth < k; ++depth)
        out[static_cast<std::size_t>(i * k + depth)] =
            operand(static_cast<float>(depth_first ? x[i * ld + depth] : x[depth * ld + i]), tf32);
  });
  return out;
}

constexpr std::size_t kGemmWorkspace = 4096, kConvolutionWorkspace = 1024;

/// Computes C, by one thread.
void reference_gemm(Gemm p, void* workspace) {
  spoil(workspace, kGemmWorkspace);
  const std::vector<float> a = by_depth(p.a, p.m, p.k, p.lda, p.transpose_a, p.type, p.tf32),
                           b = by_depth(p.b, p.n, p.k, p.ldb, !p.transpose_b, p.type, p.tf32);
  with_type(p.c_type, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t j = 0; j < p.n; ++j)
      for (int64_t i = 0; i < p.m; ++i) {
        const float *left = a.data() + i * p.k, *right = b.data() + j * p.k;
        double sum = 0;
        for (int depth = 0; depth < p.k; ++depth) sum += static_cast<double>(left[depth]) * right[depth];
        T& c = static_cast<T*>(p.c)[j * p.ldc + i];
        c = T(static_cast<float>(p.alpha * sum + (p.beta != 0.f ? p.beta * static_cast<double>(static_cast<float>(c)) : 0.0)));
      }
  });
}

/// By one thread. For each tap, one element of y, x and w belong together; the result sums the products of the other two.
void reference_convolution(Convolution c, ConvolutionOperands operands, void* workspace) {
  spoil(workspace, kConvolutionWorkspace);
  const int64_t y_size = c.n * c.out_h * c.out_w * c.out, x_size = c.n * c.h * c.w * c.in, w_size = c.out * c.kernel * c.kernel * c.in;
  with_type(c.type, [&](auto zero) {
    using T = decltype(zero);
    T* const maps[] = {static_cast<T*>(operands.y), static_cast<T*>(operands.x), static_cast<T*>(operands.w)};  // by Direction
    const int64_t sizes[] = {y_size, x_size, w_size};
    const auto result = static_cast<std::size_t>(c.direction);
    std::vector<double> sums(static_cast<std::size_t>(sizes[result]));
    for (int64_t pixel = 0; pixel < c.n * c.out_h * c.out_w; ++pixel)
      for (int64_t tap = 0; tap < c.kernel * c.kernel; ++tap) {
        const int64_t n = pixel / (c.out_h * c.out_w), h = pixel / c.out_w % c.out_h * c.stride + tap / c.kernel - c.pad_top,
                      w = pixel % c.out_w * c.stride + tap % c.kernel - c.pad_left;
        if (h < 0 || h >= c.h || w < 0 || w >= c.w) continue;
        for (int64_t o = 0; o < c.out; ++o)
          for (int64_t i = 0; i < c.in; ++i) {
            const int64_t at[] = {pixel * c.out + o, ((n * c.h + h) * c.w + w) * c.in + i, (o * c.kernel * c.kernel + tap) * c.in + i};
            double product = 1;
            for (std::size_t map = 0; map < 3; ++map)
              if (map != result) product *= static_cast<double>(operand(static_cast<float>(maps[map][at[map]]), c.tf32));
            sums[static_cast<std::size_t>(at[result])] += product;
          }
      }
    for (std::size_t i = 0; i < sums.size(); ++i) maps[result][i] = T(static_cast<float>(sums[i]));
  });
}

/// Launches a kernel of one thread in the stream.
template <class... Parameters>
void launch_thread(void (*kernel)(Parameters...), Stream stream, Parameters... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = config.blockDim = 1;
  config.stream = stream;
  if (const cudaError_t status = cudaLaunchKernelEx(&config, kernel, arguments...))
    fail("a library's kernel: {}", cudaGetErrorString(status));
}

}  // namespace

std::size_t ReferenceVendor::gemm_workspace() const { return kGemmWorkspace; }

bool ReferenceVendor::multiplies(DType type) const { return type == DType::f32 || type == DType::bf16 || type == DType::f16; }

void ReferenceVendor::gemm(const Gemm& p, void* workspace, Stream stream) {
  if (p.m < 1 || p.n < 1 || p.k < 1) fail("gemm: m is {}, n {}, k {}", p.m, p.n, p.k);
  if (!multiplies(p.type) || (p.c_type != p.type && p.c_type != DType::f32))
    fail("gemm: no product of {} gives {}", name_of(p.type), name_of(p.c_type));
  require_arithmetic("gemm", p.type, p.tf32);
  require_matrix("a", p.a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.lda, p.type);
  require_matrix("b", p.b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.ldb, p.type);
  require_matrix("c", p.c, p.m, p.n, p.ldc, p.c_type);
  require_workspace(workspace, kGemmWorkspace);
  launch_thread(reference_gemm, stream, p, workspace);
}

std::optional<std::size_t> ReferenceVendor::convolution_workspace(const Convolution& c) {
  return multiplies(c.type) ? std::optional(kConvolutionWorkspace) : std::nullopt;
}

void ReferenceVendor::convolve(const Convolution& c, const ConvolutionOperands& operands, void* workspace, Stream stream) {
  require_arithmetic("convolve", c.type, c.tf32);
  require_memory("x", operands.x, c.n * c.h * c.w * c.in, c.type);
  require_memory("w", operands.w, c.out * c.kernel * c.kernel * c.in, c.type);
  require_memory("y", operands.y, c.n * c.out_h * c.out_w * c.out, c.type);
  require_workspace(workspace, kConvolutionWorkspace);
  launch_thread(reference_convolution, stream, c, operands, workspace);
}

}  // namespace simt

mcnn::cuda::FoundVendor mcnn::cuda::find_vendor(int) { return {std::make_unique<simt::ReferenceVendor>(), "reference loops"}; }
