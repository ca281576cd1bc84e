// Counts launches and algorithmic bytes of the CUDA backend's operations without running kernels: launchers run on the emulator, launches
// are only noted (simt::options().run = false), and a formula for each operation states what each of its launches reads and writes.
//
// The rule: a launch counts each distinct tensor that it reads once, and each that it writes once; a tensor updated in place counts twice.
// So an operation of several launches counts a tensor once for each launch that reads it. A pointwise convolution's backward, which
// computes two products in one launch, counts as two launches (dy counts twice). Repeated reads within one product (rows of A for another
// column of tiles, overlapping rows of a depthwise convolution's blocks) count once, since caches serve them. Parts of sums in scratch
// memory count when written and when merged. Not counted: StepState (24 bytes), the arrivals of last_block.cuh, copies from and to the
// host.
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

/// A backend that passes every operation on to `inner`, a CUDA backend on the emulator whose kernels do not run, and adds its traffic to
/// `by_operation`. Both must outlive the result. Throws Error if an operation's formula has another number of launches than were made.
std::unique_ptr<Ops> counting_traffic(Ops& inner, std::map<std::string, Traffic>& by_operation);

}  // namespace mcnn
