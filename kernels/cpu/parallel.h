// Threads for one loop. Work is cut by shape, never by thread count: `parts` and what a part does are the same for any
// number of threads, each part writes what is its own, and partial sums are merged in the order of the parts.
#pragma once
#include <cstdint>
#include <exception>

namespace mcnn::cpu {

/// Calls work(part) for each part in [0, parts), on `threads` OpenMP threads, in any order. If parts throw (a thread gets no
/// memory), all others are carried out and one of the exceptions is thrown: none may leave the threads by itself.
template <class Work>
void parallel_for(int threads, int64_t parts, const Work& work) {
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (parts > 1 && threads > 1)
  for (int64_t part = 0; part < parts; ++part) {
    try {
      work(part);
    } catch (...) {
#pragma omp critical(mcnn_parallel_failure)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace mcnn::cpu
