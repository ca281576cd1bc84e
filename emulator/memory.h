// What device memory there is: every load and store of a kernel must lie inside one piece of it.
#pragma once
#include <cstddef>

namespace simt {

/// `address` holds device memory from now on: filled with 0xFF, so that what is read before it is written shows as NaN.
/// (Where kernels do not run, options().run, it is left alone: it costs nothing until it is touched.)
void map_memory(void* address, std::size_t bytes);
void unmap_memory(void* address);

/// The piece that `address` lies in, or the nearest one below it; size 0: none.
struct Piece {
  const std::byte* begin = nullptr;
  std::size_t size = 0;
  bool holds(const void* address, std::size_t bytes) const {
    const auto* p = static_cast<const std::byte*>(address);
    return p >= begin && p + bytes <= begin + size;
  }
};
Piece piece_at(const void* address);
/// Whether all of it is device memory, of one piece or of several without a gap.
bool is_mapped(const void* address, std::size_t bytes);
/// Whether all of it is one piece of page-locked memory of the host.
bool is_page_locked(const void* address, std::size_t bytes);

/// Bytes of device memory that are left: options().memory less what is mapped.
std::size_t free_memory();

}  // namespace simt
