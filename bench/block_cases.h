// The convolutions of a single MBConv block, in the shapes of a public kernel benchmark.
#pragma once
#include "tests/cases/case.h"

namespace mcnn::bench {

/// Forward in training, with batch norm's moments, and relu6 in between. Source: KernelBench, level 3, problem 21 (112 to 192 channels,
/// 5x5, stride 2, expansion 6; there with ten maps of 224x224).
std::vector<cases::Case> block_cases(int64_t batch, int64_t resolution);

}  // namespace mcnn::bench
