// Device memory of the emulator: the host's, filled with NaNs as it is mapped, so that reads of fresh memory show.
#include "kernels/cuda/virtual_memory.h"

#include <cstring>

#include "runtime/memory.h"

namespace mcnn::cuda {

// Small: every test case maps one.
std::size_t chunk_bytes() { return std::size_t{1} << 20; }
void* reserve_addresses(std::size_t bytes) { return host_memory().reserve(bytes); }
void release_addresses(void* address, std::size_t bytes) { host_memory().release(address, bytes); }
void map_chunk(void* address) { std::memset(address, 0xFF, chunk_bytes()); }
void unmap_chunk(void*) {}
std::size_t free_bytes() { return host_memory().available(); }

}  // namespace mcnn::cuda
