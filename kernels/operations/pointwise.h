// 1x1 convolution: a matrix product over rows r = (n,h,w).
#pragma once
#include "kernels/operations/convolution.h"

namespace mcnn {

///   y[r,o] = sum_i z(x)[r,i] * w[i,o]
struct PointwiseForward {
  static constexpr const char* kName = "pointwise_forward";
  Feature x;        ///< (N,H,W,I)
  Tensor w;         ///< (I,O) of product_weight_type
  Tensor y;         ///< (N,H,W,O) raw
  Moments moments;  ///< (O) of y; absent: not requested (evaluation)
  NormUpdate norm;  ///< (O) of the batch norm of y, from the moments; absent: not requested
  Tensor packed;    ///< w as PackWeights wrote it; absent: the backend reads w

  void operands(Operands& reader) {
    reader.feature("x", x);
    reader.rank("w", w, 2);
    reader.input("w", w, {x.raw.c(), w.dim(1)}, product_weight_type(x.raw.dtype()));
    convolution_outputs(reader, y, {x.raw.n(), x.raw.h(), x.raw.w(), w.dim(1)}, x.raw.dtype(), moments, norm);
    reader.optional_input("packed", packed, packed.shape(), DType::u8);
  }
  double flops() const { return convolution_flops(y, w); }
};

/// Both gradients are one operation, so that a backend may read the data once.
///   dw[i,o] = sum_r z(x)[r,i] * dy[r,o]          dL/dz(x)[r,i] = sum_o dy[r,o] * w[i,o]
struct PointwiseBackward {
  static constexpr const char* kName = "pointwise_backward";
  Feature x;          ///< (N,H,W,I)
  Tensor w;           ///< (I,O) of product_weight_type
  OutputGradient dy;  ///< (N,H,W,O)
  Tensor dw;          ///< (I,O); absent: not requested (a frozen parameter)
  InputGradient dx;   ///< (N,H,W,I); absent: not requested

  void operands(Operands& reader) {
    reader.feature("x", x);
    reader.rank("w", w, 2);
    reader.input("w", w, {x.raw.c(), w.dim(1)}, product_weight_type(x.raw.dtype()));
    reader.output_gradient(dy, {x.raw.n(), x.raw.h(), x.raw.w(), w.dim(1)}, x.raw.dtype());
    reader.optional_output("dw", dw, w.shape());
    reader.input_gradient(dx, x);
  }
  double flops() const { return convolution_flops(dy.of.raw, w) * (dw.defined() + dx.requested()); }
};

}  // namespace mcnn
