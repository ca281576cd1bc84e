#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/vector_access.cuh"
#include "kernels/simt/memory.h"
#include "kernels/simt/shared_window.h"
#include "runtime/error.h"

void mcnn::cuda::record_access(const void* address, int bytes, bool write) {
  const char* what = write ? "store" : "load";
  if (reinterpret_cast<std::uintptr_t>(address) % bytes)
    simt::fail_thread(fmt::format("a {} of {} bytes at {}, which is not a multiple of {}", what, bytes, address, bytes));
  const bool shared = simt::in_shared_window(address);
  const simt::Piece piece = shared ? simt::shared_array_at(address) : simt::piece_at(address);
  if (piece.holds(address, bytes)) return;
  if (shared || piece.size == 0)
    simt::fail_thread(fmt::format("a {} of {} bytes at {}, in no {}", what, bytes, address, shared ? "shared array" : "device memory"));
  const auto past = static_cast<const std::byte*>(address) + bytes - piece.begin - piece.size;
  simt::fail_thread(
      fmt::format("a {} of {} bytes ends {} bytes behind the nearest device memory, of {} bytes", what, bytes, past, piece.size));
}
