// Blocks are the entries of a map; a freed block goes back to the map of holes and merges with its neighbours.  Contract: arena.h.
#include "runtime/arena.h"

#include <algorithm>

#include "runtime/poison.h"

namespace mcnn {
namespace {
// A cache line, and the widest vector (AVX-512).
constexpr std::size_t kAlign = 64;
// Between blocks: AddressSanitizer reports a write past the end of one.
constexpr std::size_t kGap = 64;
// The capacity over imaginary memory, so that a step that fits no machine can be measured.
constexpr std::size_t kEndless = std::size_t{1} << 62;
}  // namespace

struct Arena::Blocks {
  using Stretches = std::map<std::size_t, std::size_t>;  // offset -> bytes
  Memory& memory;
  std::byte* base = nullptr;
  std::size_t capacity;
  Stretches holes;  // never adjacent
  std::size_t in_use = 0, peak = 0;

  Blocks(Memory& m, std::size_t bytes) : memory(m), capacity(imaginary() ? kEndless : bytes) {
    if (m.separate()) return;
    constexpr std::size_t kLeast = std::size_t{1} << 20;
    base = static_cast<std::byte*>(imaginary() ? m.reserve(capacity) : m.reserve_most(capacity, std::min(capacity, kLeast)));
    try {
      holes[0] = capacity;
    } catch (...) {
      m.release(base, capacity);
      throw;
    }
  }
  ~Blocks() {
    if (!imaginary() && base) ASAN_UNPOISON_MEMORY_REGION(base, peak);
    if (base) memory.release(base, capacity);
  }

  bool imaginary() const { return &memory == &imaginary_memory(); }

  /// Takes a block from the lowest hole that fits. The block keeps its map node, so that giving it back allocates nothing: it happens in
  /// destructors, which must not fail.
  Stretches::node_type take(std::size_t bytes) {
    const auto hole = std::find_if(holes.begin(), holes.end(), [&](const auto& h) { return h.second >= bytes; });
    if (hole == holes.end()) fail("arena: {} bytes requested, {} of {} in use", bytes, in_use, capacity);
    const auto [offset, size] = *hole;
    if (offset + bytes > peak) {
      memory.commit(base, offset + bytes);
      peak = offset + bytes;
    }
    if (size > bytes) holes[offset + bytes] = size - bytes;
    Stretches::node_type block = holes.extract(hole);
    block.mapped() = bytes;
    in_use += bytes;
    return block;
  }

  void give_back(Stretches::node_type block) {
    const std::size_t offset = block.key(), bytes = block.mapped();
    in_use -= bytes;
    const auto hole = holes.insert(std::move(block)).position;
    if (const auto next = std::next(hole); next != holes.end() && offset + bytes == next->first) {
      hole->second += next->second;
      holes.erase(next);
    }
    if (hole != holes.begin()) {
      const auto before = std::prev(hole);
      if (before->first + before->second == hole->first) {
        before->second += hole->second;
        holes.erase(hole);
      }
    }
  }
};

Arena::Arena(Memory& memory, std::size_t capacity) : blocks_(std::make_shared<Blocks>(memory, capacity)) {}

Tensor Arena::tensor(Shape shape, DType type) {
  const std::size_t payload = static_cast<std::size_t>(shape.size()) * size_of(type);
  if (blocks_->memory.separate()) {
    void* const address = blocks_->memory.allocate(std::max<std::size_t>(payload, 1));
    blocks_->in_use += payload;
    blocks_->peak = std::max(blocks_->peak, blocks_->in_use);
    std::shared_ptr<void> owner(address, [blocks = blocks_, payload](void* p) {
      blocks->memory.free(p);
      blocks->in_use -= payload;
    });
    return Tensor(address, type, shape, std::move(owner));
  }
  const std::size_t bytes = (payload + kAlign - 1) / kAlign * kAlign + kGap;
  Blocks::Stretches::node_type block = blocks_->take(bytes);
  std::byte* address = blocks_->base + block.key();
  if (!blocks_->imaginary()) {
    ASAN_UNPOISON_MEMORY_REGION(address, payload);
    ASAN_POISON_MEMORY_REGION(address + payload, bytes - payload);
  }
  std::shared_ptr<void> owner(address, [blocks = blocks_, block = std::move(block)](void* p) mutable {
    if (!blocks->imaginary()) ASAN_POISON_MEMORY_REGION(p, block.mapped());
    blocks->give_back(std::move(block));
  });
  return Tensor(address, type, shape, std::move(owner));
}

std::size_t Arena::in_use() const { return blocks_->in_use; }
std::size_t Arena::peak() const { return blocks_->peak; }

}  // namespace mcnn
