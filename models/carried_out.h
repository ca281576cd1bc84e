// What of a network the layers and kernels of this build carry out.
#pragma once
#include "kernels/feature.h"
#include "models/network.h"

namespace mcnn {

/// Throws Error naming the first layer, and what of it, that nothing carries out.
void require_carried_out(const Network& network);

/// The activation of the layer's output, as kernels know it. Throws Error if they do not.
Activation activation_of(const Network& network, const Layer& layer);

}  // namespace mcnn
