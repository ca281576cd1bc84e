// The sum that ends a block with a skip. Its branch may be dropped, sample by sample: stochastic depth (Huang et al. 2016).
#pragma once
#include "layers/context.h"

namespace mcnn {

/// x + branch, (N,H,W,C), a linear feature. In training each sample loses its branch with probability `drop_path`; the survivors
/// are scaled by 1/(1-drop_path). `block` counts the network's blocks: the random stream. No one else reads `branch`.
Var residual(const Context& ctx, const std::string& name, float drop_path, uint32_t block, const Var& x, const Var& branch);

}  // namespace mcnn
