// Addresses first, memory behind them later: by the driver on a GPU (driver/), from the host's memory on the emulator (kernels/sim/).
// Next: device_memory.cpp keeps account of what is mapped.
#pragma once
#include <cstddef>

namespace mcnn::cuda {

/// Memory is mapped in pieces of this size.
std::size_t chunk_bytes();
/// `bytes` of addresses with nothing behind them, a multiple of chunk_bytes(). Throws Error.
void* reserve_addresses(std::size_t bytes);
void release_addresses(void* address, std::size_t bytes);
/// Puts one chunk of memory behind `address`; false where there is none left.
bool map_chunk(void* address);
void unmap_chunk(void* address);
/// Bytes that could be mapped now.
std::size_t free_bytes();

}  // namespace mcnn::cuda
