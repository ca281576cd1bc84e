// Device memory by the driver's virtual memory calls (CUDA 10.2 and later). The plugin must load without a driver, so it does not link
// libcuda; the runtime returns each entry point.  Contract: kernels/cuda/virtual_memory.h.
#include "kernels/cuda/virtual_memory.h"

#include <cuda.h>
#include <cudaTypedefs.h>
#include <cuda_runtime.h>

#include "kernels/cuda/check.h"
#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

template <class Function>
Function entry_point(const char* name) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  MCNN_CUDA(cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &found));
  if (found != cudaDriverEntryPointSuccess || !function) fail("the NVIDIA driver has no {}", name);
  return reinterpret_cast<Function>(function);
}

struct Driver {
  PFN_cuMemAddressReserve_v10020 address_reserve = entry_point<PFN_cuMemAddressReserve_v10020>("cuMemAddressReserve");
  PFN_cuMemAddressFree_v10020 address_free = entry_point<PFN_cuMemAddressFree_v10020>("cuMemAddressFree");
  PFN_cuMemCreate_v10020 create = entry_point<PFN_cuMemCreate_v10020>("cuMemCreate");
  PFN_cuMemRelease_v10020 release = entry_point<PFN_cuMemRelease_v10020>("cuMemRelease");
  PFN_cuMemMap_v10020 map = entry_point<PFN_cuMemMap_v10020>("cuMemMap");
  PFN_cuMemUnmap_v10020 unmap = entry_point<PFN_cuMemUnmap_v10020>("cuMemUnmap");
  PFN_cuMemSetAccess_v10020 set_access = entry_point<PFN_cuMemSetAccess_v10020>("cuMemSetAccess");
  PFN_cuGetErrorString_v6000 error_string = entry_point<PFN_cuGetErrorString_v6000>("cuGetErrorString");
};

const Driver& driver() {
  static const Driver entry_points;
  return entry_points;
}

void require(CUresult status, const char* call) {
  if (status == CUDA_SUCCESS) return;
  const char* meaning = "unknown error";
  driver().error_string(status, &meaning);
  fail("{}: {} ({})", call, meaning, static_cast<int>(status));
}

CUmemLocation current_device() {
  int device = 0;
  MCNN_CUDA(cudaGetDevice(&device));
  CUmemLocation location{};
  location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  location.id = device;
  return location;
}

CUdeviceptr pointer(void* address) { return reinterpret_cast<CUdeviceptr>(address); }

}  // namespace

// A multiple of every GPU's granularity (2 MB), and large enough that a step maps tens of chunks, not thousands.
std::size_t chunk_bytes() { return std::size_t{32} << 20; }

void* reserve_addresses(std::size_t bytes) {
  CUdeviceptr address = 0;
  require(driver().address_reserve(&address, bytes, 0, 0, 0), "cuMemAddressReserve");
  return reinterpret_cast<void*>(address);
}

void release_addresses(void* address, std::size_t bytes) { driver().address_free(pointer(address), bytes); }

bool map_chunk(void* address) {
  CUmemAllocationProp properties{};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location = current_device();
  CUmemGenericAllocationHandle memory = 0;
  const CUresult created = driver().create(&memory, chunk_bytes(), &properties, 0);
  if (created == CUDA_ERROR_OUT_OF_MEMORY) return false;
  require(created, "cuMemCreate");
  const CUresult mapped = driver().map(pointer(address), chunk_bytes(), 0, memory, 0);
  driver().release(memory);  // the mapping keeps the memory
  require(mapped, "cuMemMap");
  CUmemAccessDesc access{};
  access.location = properties.location;
  access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  if (const CUresult allowed = driver().set_access(pointer(address), chunk_bytes(), &access, 1); allowed != CUDA_SUCCESS) {
    unmap_chunk(address);
    require(allowed, "cuMemSetAccess");
  }
  return true;
}

void unmap_chunk(void* address) { driver().unmap(pointer(address), chunk_bytes()); }

std::size_t free_bytes() {
  std::size_t free = 0, total = 0;
  MCNN_CUDA(cudaMemGetInfo(&free, &total));
  return free;
}

}  // namespace mcnn::cuda
