// Keeps track of device memory: each load and store of a kernel must lie inside one allocated piece.
#pragma once
#include <cstddef>

namespace simt {

/// Makes `address` device memory and fills it with 0xFF, so that reads of uninitialised memory give NaN. (Not filled if options().run is
/// false: untouched memory costs nothing.)
void map_memory(void* address, std::size_t bytes);
void unmap_memory(void* address);

/// The piece that contains `address`, or the nearest one below it; size 0: none.
struct Piece {
  const std::byte* begin = nullptr;
  std::size_t size = 0;
  bool holds(const void* address, std::size_t bytes) const {
    const auto* p = static_cast<const std::byte*>(address);
    return p >= begin && p + bytes <= begin + size;
  }
};
Piece piece_at(const void* address);
/// Whether the whole range is device memory, in one piece or in several without a gap.
bool is_mapped(const void* address, std::size_t bytes);
/// Whether the whole range lies in one piece of page-locked host memory.
bool is_page_locked(const void* address, std::size_t bytes);

/// Bytes of device memory left: options().memory minus the mapped bytes.
std::size_t free_memory();

}  // namespace simt
