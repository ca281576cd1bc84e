// Reductions over blocks within one launch. A block writes its part to scratch memory and increments a counter of arrivals. The block that
// arrives last merges all parts in their order: the bits do not depend on which block it is. (NVIDIA's sample threadFenceReduction.)
// An early layer has thousands of parts, too many for one block. So groups of parts are merged first, each into its first part; then the
// groups are merged.
// Next: moments.cuh merges moments and sums with it.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace mcnn::cuda {

/// Whether this is the last of `blocks` blocks to arrive. If so, it sees everything that they wrote before they arrived.
/// All threads of these blocks call it. The counter is 0 before the first and after the last arrival.
__device__ inline bool arrives_last(unsigned* arrivals, int blocks) {
  __syncthreads();  // all threads of the block have written
  bool last = false;
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    __threadfence();  // the block's writes come before its arrival
    last = atomicInc(arrivals, static_cast<unsigned>(blocks - 1)) == static_cast<unsigned>(blocks - 1);
    __threadfence();  // the other blocks' writes come before the reads that follow
  }
  return __syncthreads_or(last);
}

/// How the parts of a result are grouped. Depends on their number alone.
struct MergeTree {
  int group;     // parts in a group: at least the square root of all, so that there are at most as many groups
  int arrivals;  // counters per result: one for its groups, one for the parts of each group

  /// most_parts: of any result.
  explicit MergeTree(int64_t most_parts) : group(16) {
    while (int64_t{group} * group < most_parts) ++group;
    arrivals = 1 + groups(static_cast<int>(most_parts));
  }
  __host__ __device__ int groups(int parts) const { return (parts + group - 1) / group; }
  /// Number of parts that are overwritten by the sum of their group.
  int64_t rewritten(int parts) const { return groups(parts) > 1 ? groups(parts) : 0; }
};

/// Called by all threads of a block that has written part number `part` of a result's `parts`. The last block of a group, and then of
/// all groups, calls merge(first, count, step, whole): it merges parts first, first + step, ..., `count` of them, into the result if
/// `whole`, else into part `first`.
template <class Merge>
__device__ void merge_if_last(unsigned* arrivals, const MergeTree& tree, int part, int parts, const Merge& merge) {
  const int groups = tree.groups(parts);
  int first = part / tree.group * tree.group, count = min(tree.group, parts - first), step = 1;
  unsigned* counter = arrivals + 1 + part / tree.group;
  while (arrives_last(counter, count)) {
    const bool whole = step > 1 || groups == 1;
    merge(first, count, step, whole);
    if (whole) return;
    first = 0, count = groups, step = tree.group, counter = arrivals;
  }
}

}  // namespace mcnn::cuda
