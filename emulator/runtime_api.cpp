// CUDA's runtime calls for errors, the device, copies, kernels' attributes and launches. Contract: runtime_api.h.
// Next: memory.cpp has the allocating calls, streams.cpp those for streams, events and graphs.
#include <cuda_runtime.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include "emulator/kernel_names.h"
#include "emulator/memory.h"
#include "emulator/shared_window.h"
#include "emulator/streams.h"

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDeviceFunction: return "cudaErrorInvalidDeviceFunction";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorIllegalState: return "cudaErrorIllegalState";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated: return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureIsolation: return "cudaErrorStreamCaptureIsolation";
    case cudaErrorStreamCaptureImplicit: return "cudaErrorStreamCaptureImplicit";
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorInvalidDeviceFunction: return "invalid device function";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorIllegalState: return "the operation cannot be performed in the present state";
    case cudaErrorLaunchFailure: return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureIsolation: return "dependency created on uncaptured work in another stream";
    case cudaErrorStreamCaptureImplicit: return "operation would make the legacy stream depend on a capturing blocking stream";
  }
  return "unrecognized error code";
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  *free = static_cast<std::size_t>(sysconf(_SC_AVPHYS_PAGES)) * page;
  *total = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * page;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  const bool to = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if ((to && !simt::is_mapped(target, bytes)) || (from && !simt::is_mapped(source, bytes))) return cudaErrorInvalidValue;
  const bool page_locked = (to || simt::is_page_locked(target, bytes)) && (from || simt::is_page_locked(source, bytes));
  if (!page_locked && simt::is_captured(stream)) return simt::refuse_in_capture();
  const simt::Work copy = [=] {
    std::memcpy(target, source, bytes);
    return cudaSuccess;
  };
  // A copy from memory that is not page-locked has read its source when the call returns. Other copies run as late as possible.
  return page_locked ? simt::enqueue_late(stream, copy) : simt::enqueue(stream, copy);
}

cudaError_t cudaMemsetAsync(void* target, int value, std::size_t bytes, cudaStream_t stream) {
  if (!simt::is_mapped(target, bytes)) return cudaErrorInvalidValue;
  return simt::enqueue(stream, [=] {
    std::memset(target, value, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* target, const void* source, std::size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t error = cudaDeviceSynchronize()) return error;
  return cudaMemcpyAsync(target, source, bytes, kind);
}
cudaError_t cudaMemset(void* target, int value, std::size_t bytes) {
  if (const cudaError_t error = cudaDeviceSynchronize()) return error;
  return cudaMemsetAsync(target, value, bytes);
}

// The emulated device has the limits of sm_90.
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return cudaErrorInvalidDevice;
  std::size_t free, total;
  cudaMemGetInfo(&free, &total);
  *properties = {"CUDA threads as fibers", 9, 0, 132, 32, 1024, total, simt::kSharedBytes, simt::kSharedBytesOptIn, 50u << 20};
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, device)) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = properties.maxThreadsPerBlock; break;
    case cudaDevAttrMultiProcessorCount: *value = properties.multiProcessorCount; break;
    case cudaDevAttrComputeCapabilityMajor: *value = properties.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = properties.minor; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(properties.sharedMemPerBlockOptin); break;
  }
  return cudaSuccess;
}

namespace {
std::map<const void*, std::size_t> dynamic_shared_limits;
}  // namespace

cudaError_t cudaFuncGetName(const char** name, const void* kernel) {
  *name = simt::kernel_name(kernel).c_str();
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  const auto limit = dynamic_shared_limits.find(kernel);
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->ptxVersion = 90;
  attributes->maxDynamicSharedSizeBytes = static_cast<int>(limit == dynamic_shared_limits.end() ? simt::kSharedBytes : limit->second);
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<std::size_t>(value) > simt::kSharedBytesOptIn) return cudaErrorInvalidValue;
  dynamic_shared_limits[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}

cudaError_t cudaLaunchKernelChecked(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> thread) {
  const auto [grid, block, shared_bytes, stream] = config;
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  if (threads < 1 || threads > 1024 || block.z > 64) return cudaErrorInvalidConfiguration;
  if (grid.x < 1 || grid.x > 0x7fffffffu || grid.y < 1 || grid.y > 65535 || grid.z < 1 || grid.z > 65535)
    return cudaErrorInvalidConfiguration;
  const auto limit = dynamic_shared_limits.find(kernel);
  if (shared_bytes > (limit == dynamic_shared_limits.end() ? simt::kSharedBytes : limit->second)) return cudaErrorInvalidValue;
  return simt::enqueue(stream, [=, grid = grid, block = block, shared_bytes = shared_bytes, thread = std::move(thread)] {
    return simt::run_kernel([&] { simt::run_grid(kernel, grid, block, shared_bytes, thread); });
  });
}
