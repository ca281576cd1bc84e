// Reductions over blocks in the launch that leaves the parts. A block writes its part to scratch memory and draws a ticket; the
// one that draws the last sees all parts and merges them, in their order: the bits do not depend on who came last.
// (NVIDIA's sample threadFenceReduction.)
// Of many parts (an early layer leaves thousands) one block would read alone for long: groups of them are merged first, each in
// place of its first part, then what the groups left.
// Next: moments.cuh has what is merged.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace mcnn::cuda {

/// Whether this is the last of `blocks` blocks that draw from `ticket`; then it sees what all of them wrote before they drew.
/// All threads of all of them call it. The ticket is 0 before and after: nothing clears it between launches.
__device__ inline bool draws_last(unsigned* ticket, int blocks) {
  __syncthreads();  // the block has written
  bool last = false;
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    __threadfence();  // and what it wrote comes before its ticket
    last = atomicInc(ticket, static_cast<unsigned>(blocks - 1)) == static_cast<unsigned>(blocks - 1);
    __threadfence();  // as what others wrote comes before what is read from here on
  }
  return __syncthreads_or(last);
}

/// How the parts of a result are grouped, by their number alone.
struct MergeTree {
  int group;    // parts that are merged at once: at least the square root of all, so that there are no more groups
  int tickets;  // of a result: one for its groups, one for the parts of each

  /// most_parts: where results have different numbers of them.
  explicit MergeTree(int64_t most_parts) : group(16) {
    while (int64_t{group} * group < most_parts) ++group;
    tickets = 1 + groups(static_cast<int>(most_parts));
  }
  __host__ __device__ int groups(int parts) const { return (parts + group - 1) / group; }
  /// Parts that are written again, each the sum of a group.
  int64_t rewritten(int parts) const { return groups(parts) > 1 ? groups(parts) : 0; }
};

/// For a block whose part, number `part` of a result's `parts`, is written. Where it came last it calls
/// merge(first, count, step, whole): for parts first, first + step, ..., `count` of them, to be merged into the result if `whole`,
/// else into part `first`. All threads of the block call it.
template <class Merge>
__device__ void merge_if_last(unsigned* tickets, const MergeTree& tree, int part, int parts, const Merge& merge) {
  const int groups = tree.groups(parts);
  int first = part / tree.group * tree.group, count = min(tree.group, parts - first), step = 1;
  unsigned* ticket = tickets + 1 + part / tree.group;
  while (draws_last(ticket, count)) {
    const bool whole = step > 1 || groups == 1;
    merge(first, count, step, whole);
    if (whole) return;
    first = 0, count = groups, step = tree.group, ticket = tickets;
  }
}

}  // namespace mcnn::cuda
