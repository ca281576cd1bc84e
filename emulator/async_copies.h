// Asynchronous copies to shared memory (cp.async). The emulator delays each copy until the kernel waits for it, so a kernel that forgets
// to wait reads old contents.
#pragma once
#include <cstddef>
#include <cstring>

namespace simt {

struct AsyncCopy {
  void* to;
  const void* from;
  std::size_t bytes;
  int group;
};

/// cp.async of `bytes` by the calling thread; `from` null: writes zeros.
void copy_async(void* to, const void* from, std::size_t bytes);

/// cp.async.commit_group
void commit_copies();

/// Removes the calling thread's oldest pending copy, unless it is in its last `groups` committed groups or not committed; false: none.
bool take_copy(int groups, AsyncCopy& copy);

/// cp.async.wait_group: completes all but the last `groups` committed groups. Inline, so that it is compiled with the kernels and
/// sanitizers see its writes.
inline void wait_for_copies(int groups) {
  for (AsyncCopy copy; take_copy(groups, copy);)
    if (copy.from)
      std::memcpy(copy.to, copy.from, copy.bytes);
    else
      std::memset(copy.to, 0, copy.bytes);
}

/// cp.async.wait_all: completes all copies, committed or not.
inline void wait_for_all_copies() {
  commit_copies();
  wait_for_copies(0);
}

}  // namespace simt
