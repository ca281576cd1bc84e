// Reads lines "sm registers shared threads" and appends the share of a multiprocessor's warps that such blocks keep resident,
// in percent: NVIDIA's own arithmetic (cuda_occupancy.h), which needs no GPU.
#include <cuda_occupancy.h>

#include <cstdio>

namespace {

cudaOccDeviceProp multiprocessor(int sm) {
  const bool turing = sm == 75, consumer = sm == 86 || sm == 89 || sm == 120;
  cudaOccDeviceProp p{};
  p.computeMajor = sm / 10;
  p.computeMinor = sm % 10;
  p.maxThreadsPerBlock = 1024;
  p.maxThreadsPerMultiprocessor = turing ? 1024 : consumer ? 1536 : 2048;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.sharedMemPerBlock = 48 << 10;
  p.sharedMemPerMultiprocessor = static_cast<size_t>(turing ? 64 : consumer ? 100 : sm == 80 ? 164 : 228) << 10;
  p.sharedMemPerBlockOptin = static_cast<size_t>(turing ? 64 : consumer ? 99 : sm == 80 ? 163 : 227) << 10;
  p.reservedSharedMemPerBlock = turing ? 0 : 1 << 10;
  p.numSms = 1;
  return p;
}

}  // namespace

int main() {
  int sm, registers, shared, threads;
  while (std::scanf("%d %d %d %d", &sm, &registers, &shared, &threads) == 4) {
    const cudaOccDeviceProp device = multiprocessor(sm);
    const cudaOccDeviceState state;  // its constructor's carve-out, not zeros
    cudaOccFuncAttributes kernel{};
    kernel.maxThreadsPerBlock = 1024;
    kernel.numRegs = registers;
    kernel.sharedSizeBytes = static_cast<size_t>(shared);
    kernel.maxDynamicSharedSizeBytes = device.sharedMemPerBlockOptin;
    cudaOccResult result{};
    if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state, threads, 0) != CUDA_OCC_SUCCESS) return 1;
    std::printf("%d\n", 100 * result.activeBlocksPerMultiprocessor * threads / device.maxThreadsPerMultiprocessor);
  }
}
