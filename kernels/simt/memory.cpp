#include "kernels/simt/memory.h"

#include <cuda_runtime.h>

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>

namespace simt {
namespace {
std::map<const std::byte*, std::size_t>& pieces() {
  static auto* map = new std::map<const std::byte*, std::size_t>;  // outlives the programs' statics
  return *map;
}
constexpr std::size_t kAlignment = 256;  // cudaMalloc's
}  // namespace

void map_memory(void* address, std::size_t bytes) {
  if (options().run) std::memset(address, 0xFF, bytes);
  pieces()[static_cast<std::byte*>(address)] = bytes;
}

void unmap_memory(void* address) { pieces().erase(static_cast<std::byte*>(address)); }

Piece piece_at(const void* address) {
  const auto next = pieces().upper_bound(static_cast<const std::byte*>(address));
  if (next == pieces().begin()) return {};
  const auto& [begin, size] = *std::prev(next);
  return {begin, size};
}

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
  // Exactly `bytes`, so that AddressSanitizer's red zone begins where the allocation ends.
  if (posix_memalign(address, simt::kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
  simt::map_memory(*address, bytes);
  return cudaSuccess;
}

cudaError_t cudaFree(void* address) {
  if (!address) return cudaSuccess;
  if (simt::piece_at(address).begin != address) return cudaErrorInvalidValue;  // never allocated, or freed already
  simt::unmap_memory(address);
  std::free(address);
  return cudaSuccess;
}
