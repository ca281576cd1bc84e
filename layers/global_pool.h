// The mean over height and width of the last feature map. No gradient of the map is stored: the kernel that reads it computes it from the
// mean's (OutputGradient).
#pragma once
#include "layers/context.h"
#include "layers/vectors.h"

namespace mcnn {

/// x (N,H,W,C) -> (N,C)
Vectors global_pool(const Context& ctx, const std::string& name, const Var& x);

}  // namespace mcnn
