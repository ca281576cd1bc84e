// The functions that libmcnn_cuda exports, and the check that this machine can run it.  Contract: kernels/plugin.h.
#include "kernels/plugin.h"

#include <cuda_runtime.h>

#include "kernels/cuda/check.h"
#include "kernels/cuda/cuda_ops.h"
#include "runtime/error.h"

namespace {

std::string version(int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); }

/// Throws Error if there is no GPU, or this build has no kernels for it.
void require_gpu() {
  int count = 0, driver = 0, device = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) mcnn::fail("no NVIDIA driver is installed");
    mcnn::fail("the NVIDIA driver is for CUDA {} and this build needs {}", version(driver), version(CUDART_VERSION));
  }
  if (status == cudaErrorNoDevice || status == cudaErrorStubLibrary || (status == cudaSuccess && count == 0))
    mcnn::fail("no NVIDIA GPU was found");
  if (status != cudaSuccess) mcnn::fail("no NVIDIA GPU can be used: {} ({})", cudaGetErrorString(status), static_cast<int>(status));

  cudaDeviceProp properties{};
  MCNN_CUDA(cudaGetDevice(&device));
  MCNN_CUDA(cudaGetDeviceProperties(&properties, device));
  if (mcnn::cuda::compiled_capability() == 0)
    mcnn::fail("{} is sm_{}{}, and this build has kernels for {}", properties.name, properties.major, properties.minor,
               MCNN_CUDA_ARCHITECTURES);
}

}  // namespace

const char* mcnn_backend_contract() { return MCNN_CONTRACT; }

mcnn::Ops* mcnn_backend_create(const char* products, bool allow_tf32) {
  require_gpu();
  return mcnn::cuda::make_cuda_ops(products, allow_tf32).release();
}
