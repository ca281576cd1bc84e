#include "emulator/memory.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>

#include "emulator/streams.h"

namespace simt {
namespace {
using Pieces = std::map<const std::byte*, std::size_t>;
Pieces& pieces() {
  static auto* map = new Pieces;  // never destroyed: used while statics are destroyed
  return *map;
}
Pieces& page_locked() {
  static auto* map = new Pieces;
  return *map;
}
std::size_t mapped = 0;  // bytes

/// The piece that contains `address`, or the nearest one below it.
Piece piece_in(const Pieces& all, const void* address) {
  const auto next = all.upper_bound(static_cast<const std::byte*>(address));
  if (next == all.begin()) return {};
  const auto& [begin, size] = *std::prev(next);
  return {begin, size};
}
constexpr std::size_t kAlignment = 256;  // cudaMalloc's
}  // namespace

void map_memory(void* address, std::size_t bytes) {
  if (options().run) std::memset(address, 0xFF, bytes);
  pieces()[static_cast<std::byte*>(address)] = bytes;
  mapped += bytes;
}

void unmap_memory(void* address) {
  const auto piece = pieces().find(static_cast<std::byte*>(address));
  mapped -= piece->second;
  pieces().erase(piece);
}

Piece piece_at(const void* address) { return piece_in(pieces(), address); }

bool is_page_locked(const void* address, std::size_t bytes) { return piece_in(page_locked(), address).holds(address, bytes); }

std::size_t free_memory() { return options().memory - std::min(mapped, options().memory); }

bool is_mapped(const void* address, std::size_t bytes) {
  const auto* at = static_cast<const std::byte*>(address);
  for (const auto* end = at + bytes; at < end;) {
    const Piece piece = piece_at(at);
    if (!piece.holds(at, 1)) return false;
    at = piece.begin + piece.size;
  }
  return true;
}

}  // namespace simt

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  *address = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (const cudaError_t error = simt::refuse_in_capture()) return error;
  if (bytes > simt::free_memory()) return cudaErrorMemoryAllocation;
  // Exactly `bytes`, so that AddressSanitizer's red zone begins at the end of the allocation.
  if (posix_memalign(address, simt::kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
  simt::map_memory(*address, bytes);
  return cudaSuccess;
}

cudaError_t cudaFree(void* address) {
  if (!address) return cudaSuccess;
  if (const cudaError_t error = cudaDeviceSynchronize()) return error;
  if (simt::piece_at(address).begin != address) return cudaErrorInvalidValue;  // never allocated, or freed already
  simt::unmap_memory(address);
  std::free(address);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** address, std::size_t bytes) {
  if (const cudaError_t error = simt::refuse_in_capture()) return error;
  if (posix_memalign(address, simt::kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
  simt::page_locked()[static_cast<std::byte*>(*address)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* address) {
  if (!address) return cudaSuccess;
  if (const cudaError_t error = cudaDeviceSynchronize()) return error;
  if (simt::page_locked().erase(static_cast<std::byte*>(address)) == 0) return cudaErrorInvalidValue;
  std::free(address);
  return cudaSuccess;
}
