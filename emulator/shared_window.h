// Shared memory of the running block: one window, parcelled out as the block's threads ask for it, all 0xFF at first.
#pragma once
#include <cstddef>

#include "emulator/memory.h"

namespace simt {

constexpr std::size_t kSharedBytes = 48 * 1024;        ///< a kernel may use without asking
constexpr std::size_t kSharedBytesOptIn = 227 * 1024;  ///< if it asks: sm_90; sm_80 163 KB, sm_75 64 KB, others 99 KB

/// For the next block. Under ThreadSanitizer it is new memory, since blocks run at once there: 1 MB a block with
/// the sanitizer's own, so grids must be small.
void open_shared_window(std::size_t dynamic_bytes);
/// At the end of the grid.
void close_shared_windows();

bool in_shared_window(const void* address);
/// The array that `address` lies in; size 0: none.
Piece shared_array_at(const void* address);

}  // namespace simt
