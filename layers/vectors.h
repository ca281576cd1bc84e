// What follows the pooling: a vector per sample on the tape, (N,C). As a feature map it is stored raw and activated by whoever reads it.
// Next: global_pool.h makes the first, linear.h and dropout.h read and write them, cross_entropy.h ends them.
#pragma once
#include <memory>

#include "kernels/feature.h"

namespace mcnn {

struct VectorsVariable {
  Tensor value;  ///< (N,C)
  Activation act = Activation::identity;
  float gradient_scale = 1.f;  ///< the reader's gradient is multiplied by it: 1/(H*W) behind a pooling, whose backward is per pixel
  Tensor gradient = {};        ///< of value: set by the reader's backward, read by the writer's
};
using Vectors = std::shared_ptr<VectorsVariable>;

}  // namespace mcnn
