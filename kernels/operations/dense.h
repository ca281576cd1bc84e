// Dense convolution: every output channel reads every input channel.
#pragma once
#include "kernels/operations/convolution.h"

namespace mcnn {

///   y[n,i,j,o] = sum_{p,q,ci} w[p,q,ci,o] * z(x)[n, i*s+p-pad_top, j*s+q-pad_left, ci]           (z = 0 outside)
struct DenseForward {
  static constexpr const char* kName = "dense_forward";
  Feature x;  ///< (N,H,W,I), without a gate
  Tensor w;   ///< (k,k,I,O) of product_weight_type
  ConvGeometry geometry;
  Tensor y;         ///< (N,H',W',O) raw
  Moments moments;  ///< (O) of y; absent: not requested (evaluation)
  NormUpdate norm;  ///< (O) of the batch norm of y, from the moments; absent: not requested

  void operands(Operands& reader) {
    reader.feature("x", x);
    dense_weight(reader, w, geometry, x);
    reader.rank("y", y, 4);
    convolution_outputs(reader, y, {x.raw.n(), y.h(), y.w(), w.dim(3)}, x.raw.dtype(), moments, norm);
    require_geometry(reader, geometry, x.raw.shape(), y.shape());
  }
  double flops() const { return convolution_flops(y, w); }

  static void dense_weight(Operands& reader, Tensor& w, const ConvGeometry& g, const Feature& x) {
    reader.require(!x.gate.defined(), "x has a gate");
    reader.rank("w", w, 4);
    reader.input("w", w, {g.kernel, g.kernel, x.raw.c(), w.dim(3)}, product_weight_type(x.raw.dtype()), fmt::format("for k={}", g.kernel));
  }
};

/// The gradients as for depthwise, summed over o for dx.
struct DenseBackward {
  static constexpr const char* kName = "dense_backward";
  Feature x;  ///< (N,H,W,I), without a gate
  Tensor w;   ///< (k,k,I,O) of product_weight_type
  ConvGeometry geometry;
  OutputGradient dy;  ///< (N,H',W',O)
  Tensor dw;          ///< (k,k,I,O); absent: not requested
  InputGradient dx;   ///< (N,H,W,I); absent: not requested (the image)

  void operands(Operands& reader) {
    reader.feature("x", x);
    DenseForward::dense_weight(reader, w, geometry, x);
    const Tensor& y = dy.of.raw;
    reader.output_gradient(dy, {x.raw.n(), y.h(), y.w(), w.dim(3)}, x.raw.dtype());
    require_geometry(reader, geometry, x.raw.shape(), y.shape());
    reader.optional_output("dw", dw, w.shape());
    reader.input_gradient(dx, x);
  }
  double flops() const { return convolution_flops(dy.of.raw, w) * (dw.defined() + dx.requested()); }
};

}  // namespace mcnn
