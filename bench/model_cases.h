// The cases of one network's own shapes: all that a training step does to feature maps, in the forms of operands and
// gradients that it meets there. (Loss, optimizer and batch norm's finish are small; the tests' cases have them.)
#pragma once
#include "models/network.h"
#include "tests/cases/case.h"

namespace mcnn::bench {

/// Layers of one shape make one case, named after the first of them, with their number: "blocks.2.1.conv_dw ... x3".
std::vector<cases::Case> model_cases(const Network& network, int64_t batch, int64_t resolution);

}  // namespace mcnn::bench
