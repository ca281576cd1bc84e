// The seam between grid.cpp, which runs threads, and accesses.cpp, which keeps what they did.
#pragma once
#include "emulator/counters.h"

namespace simt {

/// Of the kernel that runs.
void count_into(Counters* of_running_kernel);
/// Counts what the block's threads did since the last call, as one request where lanes of a warp did the same.
void merge_accesses();

}  // namespace simt
