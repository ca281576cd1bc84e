// Device memory of the emulator: the host's.
#include "kernels/cuda/virtual_memory.h"

#include "kernels/simt/memory.h"
#include "runtime/memory.h"

namespace mcnn::cuda {

// Small: every test case maps one.
std::size_t chunk_bytes() { return std::size_t{1} << 20; }
void* reserve_addresses(std::size_t bytes) { return host_memory().reserve(bytes); }
void release_addresses(void* address, std::size_t bytes) { host_memory().release(address, bytes); }
void map_chunk(void* address) { simt::map_memory(address, chunk_bytes()); }
void unmap_chunk(void* address) { simt::unmap_memory(address); }
std::size_t free_bytes() { return host_memory().available(); }

}  // namespace mcnn::cuda
