#include "emulator/shared_window.h"

#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "emulator/grid.h"
#include "emulator/sanitizers.h"
#include "runtime/error.h"

namespace simt {
namespace {

constexpr std::size_t kAlignment = 128;
constexpr std::size_t kCapacity = kSharedBytesOptIn + 64 * kAlignment;  // includes gaps between arrays

struct Array {
  const void* key;
  std::byte* begin;
  std::size_t size;
};

std::byte* window = nullptr;
std::size_t used = 0, requested = 0;  // bytes with and without gaps
std::vector<Array> arrays;
std::vector<std::byte*> windows_before;  // of this grid's finished blocks
const char dynamic_key = 0;

/// Allocates an array. Arrays have gaps between them, so that an access beyond one does not hit the next.
std::byte* append(const void* key, std::size_t bytes) {
  const Unseen unseen;
  requested += bytes;
  if (requested > kSharedBytesOptIn || used + bytes > kCapacity)
    fail_thread(fmt::format("the block asks for {} bytes of shared memory, {} are the most", requested, kSharedBytesOptIn));
  std::byte* begin = window + used;
  used = (used + bytes + 2 * kAlignment - 1) / kAlignment * kAlignment;
  if (address_sanitizer()) __asan_unpoison_memory_region(begin, bytes);
  arrays.push_back({key, begin, bytes});
  return begin;
}

std::byte* find(const void* key) {
  for (const Array& array : arrays)
    if (array.key == key) return array.begin;
  return nullptr;
}

}  // namespace

void open_shared_window(std::size_t dynamic_bytes) {
  if (thread_sanitizer() && used) windows_before.push_back(std::exchange(window, nullptr));
  if (!window) {
    window = static_cast<std::byte*>(std::aligned_alloc(kAlignment, kCapacity));
    if (!window) mcnn::fail("simt: no memory for {} bytes of shared memory", kCapacity);
    used = kCapacity;
  }
  // Poisoned by the previous block.
  if (address_sanitizer()) __asan_unpoison_memory_region(window, kCapacity);
  std::memset(window, 0xFF, used);
  if (address_sanitizer()) __asan_poison_memory_region(window, kCapacity);
  used = requested = 0;
  arrays.clear();
  if (dynamic_bytes) append(&dynamic_key, dynamic_bytes);
}

void close_shared_windows() {
  for (std::byte* done : windows_before) std::free(done);
  windows_before.clear();
}

bool in_shared_window(const void* address) {
  const auto* p = static_cast<const std::byte*>(address);
  return p >= window && p < window + kCapacity;
}

Piece shared_array_at(const void* address) {
  for (const Array& array : arrays)
    if (const Piece piece{array.begin, array.size}; piece.holds(address, 1)) return piece;
  return {};
}

void* static_shared(const void* key, std::size_t bytes) {
  std::byte* begin = find(key);
  return begin ? begin : append(key, bytes);
}

void* dynamic_shared() {
  std::byte* begin = find(&dynamic_key);
  if (!begin) fail_thread("it asks for dynamic shared memory, but the launch gave none");
  return begin;
}

}  // namespace simt
