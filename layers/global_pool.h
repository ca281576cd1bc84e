// The mean over height and width, which ends the feature maps. Its gradient is formed by whoever reads the map's (OutputGradient): no
// gradient of the map is stored.
#pragma once
#include "layers/context.h"
#include "layers/vectors.h"

namespace mcnn {

/// x (N,H,W,C) -> (N,C)
Vectors global_pool(const Context& ctx, const std::string& name, const Var& x);

}  // namespace mcnn
