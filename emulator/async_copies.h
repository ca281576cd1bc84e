// Copies to shared memory that happen behind a thread's back (cp.async). Here none happens before it is waited for, so that
// whoever does not wait reads what was there before.
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

/// cp.async of `bytes` by the calling thread; from null: zeros.
void copy_async(void* to, const void* from, std::size_t bytes);

/// cp.async.commit_group
void commit_copies();

/// The thread's next copy that is not of its last `groups` committed groups nor uncommitted; false: there is none.
bool take_copy(int groups, AsyncCopy& copy);

/// cp.async.wait_group: all but the last `groups` committed groups are there. Compiled with the kernels, so that sanitizers see
/// the writes.
inline void wait_for_copies(int groups) {
  for (AsyncCopy copy; take_copy(groups, copy);)
    if (copy.from)
      std::memcpy(copy.to, copy.from, copy.bytes);
    else
      std::memset(copy.to, 0, copy.bytes);
}

/// cp.async.wait_all: those that were not committed too.
inline void wait_for_all_copies() {
  commit_copies();
  wait_for_copies(0);
}

}  // namespace simt
