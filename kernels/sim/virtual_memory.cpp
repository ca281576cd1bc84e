// Device memory of the emulator: host memory.  Contract: kernels/cuda/virtual_memory.h.
#include "kernels/cuda/virtual_memory.h"

#include <algorithm>

#include "emulator/memory.h"
#include "runtime/memory.h"

namespace mcnn::cuda {

// Small, as every test case maps one.
std::size_t chunk_bytes() { return std::size_t{1} << 20; }
void* reserve_addresses(std::size_t bytes) { return host_memory().reserve(bytes); }
void release_addresses(void* address, std::size_t bytes) { host_memory().release(address, bytes); }
bool map_chunk(void* address) {
  if (simt::free_memory() < chunk_bytes()) return false;
  simt::map_memory(address, chunk_bytes());
  return true;
}
void unmap_chunk(void* address) { simt::unmap_memory(address); }
std::size_t free_bytes() { return std::min(host_memory().available(), simt::free_memory()); }

}  // namespace mcnn::cuda
