// The interface between grid.cpp, which runs threads, and accesses.cpp, which records their memory accesses.
#pragma once
#include "emulator/counters.h"

namespace simt {

/// Sets the counters of the running kernel.
void count_into(Counters* of_running_kernel);
/// Counts the block's accesses since the last call; equal accesses of a warp's lanes are one request (counters.h).
void merge_accesses();

}  // namespace simt
