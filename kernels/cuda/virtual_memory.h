// Reserves addresses and maps memory to them later: by the driver on a GPU (driver/), by the host's memory on the emulator (kernels/sim/).
// Next: device_memory.cpp records how much is mapped.
#pragma once
#include <cstddef>

namespace mcnn::cuda {

/// Memory is mapped in chunks of this size.
std::size_t chunk_bytes();
/// Reserves `bytes` of addresses without memory, a multiple of chunk_bytes(). Throws Error.
void* reserve_addresses(std::size_t bytes);
void release_addresses(void* address, std::size_t bytes);
/// Maps one chunk of memory to `address`. Returns false if the device has no memory left.
bool map_chunk(void* address);
void unmap_chunk(void* address);
/// Bytes that can be mapped now.
std::size_t free_bytes();

}  // namespace mcnn::cuda
