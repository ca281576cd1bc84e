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
constexpr std::size_t kCapacity = kSharedBytesOptIn + 64 * kAlignment;  // with the gaps between arrays

struct Array {
  const void* key;
  std::byte* begin;
  std::size_t size;
};

std::byte* window = nullptr;
std::size_t used = 0, bytes_asked = 0;  // with gaps, without
std::vector<Array> arrays;
std::vector<std::byte*> windows_before;  // of the grid's blocks that are done
const char dynamic_key = 0;

/// Arrays lie at least a gap apart, so that a step over the end of one is not a step into the next.
std::byte* append(const void* key, std::size_t bytes) {
  const Unseen unseen;
  bytes_asked += bytes;
  if (bytes_asked > kSharedBytesOptIn || used + bytes > kCapacity)
    fail_thread(fmt::format("the block asks for {} bytes of shared memory, {} are the most", bytes_asked, kSharedBytesOptIn));
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
  // What the last block left.
  if (address_sanitizer()) __asan_unpoison_memory_region(window, kCapacity);
  std::memset(window, 0xFF, used);
  if (address_sanitizer()) __asan_poison_memory_region(window, kCapacity);
  used = bytes_asked = 0;
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
