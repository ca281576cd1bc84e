// Threads for one loop. Work is cut by shape, never by thread count: `parts` and what a part does are the same for any
// number of threads, each part writes what is its own, and partial sums are merged in the order of the parts.
#pragma once
#include <cstdint>

namespace mcnn::cpu {

/// Calls work(part) for each part in [0, parts), on `threads` OpenMP threads, in any order. work must not throw.
template <class Work>
void parallel_for(int threads, int64_t parts, const Work& work) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (parts > 1 && threads > 1)
  for (int64_t part = 0; part < parts; ++part) work(part);
}

}  // namespace mcnn::cpu
