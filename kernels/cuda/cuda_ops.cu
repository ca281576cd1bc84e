// Construction, copies and fills of the CUDA backend. Each other operation is in the file of its name.
// Next: pointwise_forward.cu is a first operation to read; recording.cpp records a step.
#include "kernels/cuda/cuda_ops.h"

#include "kernels/cuda/check.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/kernel_times.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/norm_targets.cuh"

namespace mcnn::cuda {
namespace {

cudaDeviceProp current_device() {
  int device = 0;
  cudaDeviceProp properties{};
  MCNN_CUDA(cudaGetDevice(&device));
  MCNN_CUDA(cudaGetDeviceProperties(&properties, device));
  return properties;
}

// For fill_elements: small enough for many blocks, large enough that a block's work exceeds its cost.
constexpr int kThreads = 256;
constexpr int kPerThread = 4;

/// `value` is passed by value, so the caller may free its copy after the call.
__global__ void write_step_state(StepState* state, StepState value) { *state = value; }

template <class T>
__global__ void fill_elements(T* x, int64_t count, float value) {
  const Floats<1> v{{value}};
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kThreads * kPerThread + threadIdx.x;
#pragma unroll
  for (int i = 0; i < kPerThread; ++i)
    if (const int64_t at = begin + i * kThreads; at < count) store<T, 1>(x + at, v);
}

}  // namespace

int compiled_capability() {
  cudaFuncAttributes attributes{};
  const cudaError_t status = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(write_step_state));
  return status == cudaSuccess ? attributes.ptxVersion : 0;
}

std::unique_ptr<Ops> make_cuda_ops(const std::string& products, bool allow_tf32) {
  const Products choice = products_named(products);
  return std::make_unique<CudaOps>(choice == Products::own ? FoundVendor{} : find_vendor(compiled_capability()), allow_tf32);
}

CudaOps::CudaOps(FoundVendor libraries, bool allow_tf32)
    : capability_(compiled_capability()),
      tf32_(allow_tf32 && has_tensor_cores_for(DType::f32, capability_)),
      products_line_(std::move(libraries.line)),
      vendor_(std::move(libraries.vendor)) {
  MCNN_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  MCNN_CUDA(cudaMalloc(reinterpret_cast<void**>(&state_), sizeof(StepState)));
}

CudaOps::~CudaOps() {
  cudaFree(state_);
  cudaStreamDestroy(stream_);
}

std::string CudaOps::name() const {
  const std::string products = (products_line_.empty() ? "" : "; products: " + products_line_) + (tf32_ ? "; fp32 products as tf32" : "");
#ifdef MCNN_SIM
  return fmt::format("sim ({}{})", current_device().name, products);
#else
  return fmt::format("cuda ({}, kernels for sm_{}{})", current_device().name, capability_, products);
#endif
}

bool CudaOps::supports(DType storage) const { return storage == DType::f32 || storage == DType::bf16 || storage == DType::f16; }

unsigned* CudaOps::arrivals(int64_t count) {
  constexpr std::size_t kLeast = 65536;  // bytes: the buffer rarely grows in a network's first step
  const std::size_t bytes = std::max(kLeast, static_cast<std::size_t>(count) * sizeof(unsigned)), before = arrivals_.bytes();
  void* const counters = arrivals_.at_least(bytes);
  if (arrivals_.bytes() > before) MCNN_CUDA(cudaMemsetAsync(counters, 0, bytes, stream()));
  return static_cast<unsigned*>(counters);
}

void CudaOps::begin_step(const StepState& state) { launch(write_step_state, {1, 1}, stream(), state_, state); }

// Waits for the copy, so the caller may free the source.
void CudaOps::copy_from_host(const void* source, Tensor& target) {
  MCNN_CUDA(cudaMemcpyAsync(target.raw(), source, target.bytes(), cudaMemcpyHostToDevice, stream()));
  wait();
}

void CudaOps::copy_ahead(const void* source, Tensor& target) { uploads_.copy(source, target.raw(), target.bytes(), stream()); }

void CudaOps::copy_to_host(const Tensor& source, void* target) {
  MCNN_CUDA(cudaMemcpyAsync(target, source.raw(), source.bytes(), cudaMemcpyDeviceToHost, stream()));
  wait();
}

void CudaOps::wait() { wait_for(stream()); }

// Each store writes one element; neighbouring threads fill whole sectors, and x needs no alignment.
void CudaOps::execute(Fill& op) {
  if (op.x.size() == 0) return;
  with_storage(op.x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    launch(fill_elements<T>, {blocks_for(op.x.size(), kThreads * kPerThread), kThreads}, stream(), op.x.data<T>(), op.x.size(), op.value);
  });
}

}  // namespace mcnn::cuda
