// Launches and algorithmic bytes of the CUDA backend's operations, counted without running them: the launchers do their work over
// kernels that are noted and not run (simt::options().run = false), and a formula for each operation says what each of its launches
// reads and writes.
//
// The rule: a launch counts each distinct tensor that it reads, once, and each that it writes, once; what it updates in place
// counts twice. An operation of several launches so counts a tensor once for each that reads it, and one that makes two products in
// one launch, a pointwise convolution's backward, counts as two (dy twice). But what one product fetches again (rows of A for a
// further column of tiles, overlapping rows of a depthwise convolution's blocks) counts once: it is for caches to serve. Parts of
// sums in scratch memory count where they are written and where they are merged. Not counted: StepState (24 bytes), the tickets of
// the blocks that merge, copies from and to the host.
// Next: traffic.cpp has the formulas, bench_traffic.cpp the table of a training step.
#pragma once
#include <map>
#include <string>

#include "kernels/ops.h"

namespace mcnn {

struct Traffic {
  int64_t launches = 0;
  int64_t read = 0, written = 0;  ///< bytes
  int64_t bytes() const { return read + written; }
};

/// Passes every operation on to `inner`, a CUDA backend on the emulator whose kernels do not run, and adds to `by_operation`. Both
/// outlive the result. An operation throws Error where its formula speaks of other launches than there were.
std::unique_ptr<Ops> counting_traffic(Ops& inner, std::map<std::string, Traffic>& by_operation);

}  // namespace mcnn
