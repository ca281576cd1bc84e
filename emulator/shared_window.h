// Shared memory of the running block: one window, filled with 0xFF, from which arrays are allocated as threads first request them.
#pragma once
#include <cstddef>

#include "emulator/memory.h"

namespace simt {

constexpr std::size_t kSharedBytes = 48 * 1024;        ///< limit for a kernel without opt-in
constexpr std::size_t kSharedBytesOptIn = 227 * 1024;  ///< with opt-in, on sm_90 (sm_80: 163 KB, sm_75: 64 KB, others: 99 KB)

/// Called before each block. Under ThreadSanitizer, which sees blocks as concurrent, each block gets new memory: 1 MB with the sanitizer's
/// shadow, so grids must be small.
void open_shared_window(std::size_t dynamic_bytes);
/// Called at the end of the grid.
void close_shared_windows();

bool in_shared_window(const void* address);
/// The shared array that contains `address`; size 0: none.
Piece shared_array_at(const void* address);

}  // namespace simt
