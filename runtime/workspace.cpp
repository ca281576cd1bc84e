#include "runtime/workspace.h"

#include <algorithm>
#include <cstdint>

#include "runtime/error.h"

namespace mcnn {

Workspace::Workspace(Memory& memory, std::size_t capacity)
    : memory_(memory), capacity_(&memory == &imaginary_memory() ? SIZE_MAX : capacity) {  // a step that fits no machine can be measured
  constexpr std::size_t kLeast = std::size_t{1} << 20;
  if (!memory.separate()) base_ = static_cast<std::byte*>(memory.reserve_most(capacity_, std::min(capacity_, kLeast)));
}

Workspace::~Workspace() {
  if (base_) memory_.release(base_, capacity_);
}

std::byte* Workspace::at_least(std::size_t bytes) {
  if (bytes > capacity_) fail("a step needs {} bytes, {} can be addressed", bytes, capacity_);
  if (bytes > bytes_) {
    memory_.commit(base_, bytes);
    bytes_ = bytes;
  }
  return base_;
}

}  // namespace mcnn
