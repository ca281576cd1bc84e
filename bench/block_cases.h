// The convolutions of one MBConv block by itself, as kernel benchmarks state it.
#pragma once
#include "tests/cases/case.h"

namespace mcnn::bench {

/// Forward in training, batch norm's moments taken, relu6 between them: KernelBench, level 3, problem 21 (112 to 192 channels, 5x5, stride
/// 2, expansion 6, ten maps of 224x224 there).
std::vector<cases::Case> block_cases(int64_t batch, int64_t resolution);

}  // namespace mcnn::bench
