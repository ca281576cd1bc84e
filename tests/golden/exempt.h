// Gradients that are zero in exact arithmetic: the beta of a linear batch norm whose only readers are 1x1 convolutions
// followed by a batch norm, which subtracts any constant again. What is left of them is rounding noise, which AdamW blows
// up to whole steps, so the betas and the running means they reach agree only to a few learning rates.
#pragma once
#include <set>
#include <string>

#include "models/architecture.h"

namespace mcnn {

struct Exempt {
  std::set<std::string> betas, means;
};

inline Exempt exempt_tensors(const Architecture& architecture) {
  Exempt exempt;
  const auto& blocks = architecture.blocks;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const bool last = b + 1 == blocks.size();
    if (!last && blocks[b + 1].expand == 1) continue;  // read by a depthwise convolution, whose padding makes it visible
    exempt.betas.insert(blocks[b].name() + (blocks[b].expand == 1 ? ".bn2.bias" : ".bn3.bias"));
    // A beta moves the sums of later blocks too: every next 1x1 convolution's mean.
    exempt.means.insert(last ? "bn2.running_mean" : blocks[b + 1].name() + ".bn1.running_mean");
  }
  return exempt;
}

}  // namespace mcnn
