// Threads for one loop. Work is cut by shape, never by thread count: `parts` and what a part does are the same for any
// number of threads, each part writes what is its own, and partial sums are merged in the order of the parts.
// Next: team.h, the threads.
#pragma once
#include <cstdint>
#include <exception>
#include <mutex>

#include "kernels/cpu/cuts/team.h"

namespace mcnn::cpu {

/// Calls work(part) for each part in [0, parts), on at most `threads` threads, in any order. If parts throw (a thread gets no
/// memory), all others are carried out and one of the exceptions is thrown: none may leave the threads by itself.
template <class Work>
void parallel_for(int threads, int64_t parts, const Work& work) {
  struct Loop {
    const Work& work;
    mutable std::mutex mutex;
    mutable std::exception_ptr failure;
  } loop{work, {}, {}};
  run_on_team(
      threads, parts,
      [](const void* context, int64_t part) {
        const Loop& self = *static_cast<const Loop*>(context);
        try {
          self.work(part);
        } catch (...) {
          const std::lock_guard lock(self.mutex);
          self.failure = std::current_exception();
        }
      },
      &loop);
  if (loop.failure) std::rethrow_exception(loop.failure);
}

}  // namespace mcnn::cpu
