// Benchmark cases with a network's shapes: all operations on feature maps in a training step, with the operands and gradients they have
// there. (Loss, optimizer and batch norm's final step are small; the tests' cases contain them.)
#pragma once
#include "models/network.h"
#include "tests/cases/case.h"

namespace mcnn::bench {

/// Layers of the same shape make one case, named after the first, with their number: "blocks.2.1.conv_dw ... x3".
std::vector<cases::Case> model_cases(const Network& network, int64_t batch, int64_t resolution);

}  // namespace mcnn::bench
