// The sum at the end of a block with a skip, with drop-path of single samples: stochastic depth (Huang et al. 2016).
#pragma once
#include "layers/context.h"

namespace mcnn {

/// x + branch, (N,H,W,C), a linear feature. In training each sample's branch is dropped with probability `drop_path`; the others are
/// scaled by 1/(1-drop_path). `block`, the number of the block, selects the random stream. `branch` has no other reader.
Var residual(const Context& ctx, const std::string& name, float drop_path, uint32_t block, const Var& x, const Var& branch);

}  // namespace mcnn
