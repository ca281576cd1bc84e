// Geometry, weight type and output operands of the three kinds of convolution.
// Next: pointwise.h, depthwise.h, dense.h.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// Square kernel, one stride for both axes; H' and W' are the output tensor's. Padding is done by index bounds.
struct ConvGeometry {
  int kernel = 1;
  int stride = 1;
  int pad_top = 0;
  int pad_left = 0;
};

/// The type of the weights of a product (pointwise, dense): the storage type if it has 16 bits (StoreWeights writes them), else the
/// parameter type. Depthwise weights always have the parameter type.
inline std::optional<DType> product_weight_type(DType storage) { return size_of(storage) == 2 ? std::optional(storage) : std::nullopt; }

/// Rule: along each axis the first and the last window overlap the image. x (N,H,W,.), y (N,H',W',.).
void require_geometry(Operands& reader, const ConvGeometry& g, const Shape& x, const Shape& y);

/// The operands after the weights: y, its moments, and the batch norm that is computed from these.
void convolution_outputs(Operands& reader, Tensor& y, const Shape& shape, DType storage, Moments& moments, NormUpdate& norm);

/// Of the forward; each gradient takes as many.
inline double convolution_flops(const Tensor& y, const Tensor& w) {
  return 2.0 * static_cast<double>(y.rows()) * static_cast<double>(w.size());
}

}  // namespace mcnn
