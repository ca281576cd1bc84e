// The variables after the pooling: a vector per sample on the tape, (N,C). Like a feature map it is stored raw, and readers apply its
// activation.
// Next: global_pool.h writes the first, linear.h and dropout.h read and write them, cross_entropy.h reads the last.
#pragma once
#include <memory>

#include "kernels/feature.h"

namespace mcnn {

struct VectorsVariable {
  Tensor value;  ///< (N,C)
  Activation act = Activation::identity;
  float gradient_scale = 1.f;  ///< factor of the reader's gradient: 1/(H*W) after a pooling, whose backward is per pixel
  Tensor gradient = {};        ///< of value: the reader's backward sets it, the writer's reads it
};
using Vectors = std::shared_ptr<VectorsVariable>;

}  // namespace mcnn
