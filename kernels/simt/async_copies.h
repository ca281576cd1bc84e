// Copies to shared memory that happen behind a thread's back (cp.async): here none happens before it is waited for, so that
// whoever does not wait reads what was there before.
// Compiled with the kernels, so that ThreadSanitizer sees the writes.
#pragma once
#include <algorithm>
#include <cstring>

#include "kernels/simt/grid.h"

namespace simt {

/// cp.async of `bytes`; from null: zeros.
inline void copy_async(void* to, const void* from, std::size_t bytes) {
  AsyncCopies& copies = async_copies();
  copies.pending.push_back({to, from, bytes, copies.group});
}

/// cp.async.commit_group
inline void commit_copies() { ++async_copies().group; }

/// cp.async.wait_group: all but the last `groups` committed groups are there.
inline void wait_for_copies(int groups) {
  AsyncCopies& copies = async_copies();
  std::erase_if(copies.pending, [&](const AsyncCopies::Copy& copy) {
    if (copy.group >= copies.group - groups) return false;
    if (copy.from)
      std::memcpy(copy.to, copy.from, copy.bytes);
    else
      std::memset(copy.to, 0, copy.bytes);
    return true;
  });
}

/// cp.async.wait_all: those that were not committed too.
inline void wait_for_all_copies() {
  commit_copies();
  wait_for_copies(0);
}

}  // namespace simt
