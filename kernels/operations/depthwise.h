// Depthwise convolution: each channel has its own k x k filter; k is 3 or 5, stride 1 or 2.
// Source: Sandler et al. 2018, section 3.1.
#pragma once
#include "kernels/operations/convolution.h"

namespace mcnn {

///   y[n,i,j,c] = sum_{p,q} w[p,q,c] * z(x)[n, i*s+p-pad_top, j*s+q-pad_left, c]             (z = 0 outside)
struct DepthwiseForward {
  static constexpr const char* kName = "depthwise_forward";
  Feature x;  ///< (N,H,W,C)
  Tensor w;   ///< (k,k,C)
  ConvGeometry geometry;
  Tensor y;         ///< (N,H',W',C) raw
  Moments moments;  ///< (C) of y; absent: not requested (evaluation)
  NormUpdate norm;  ///< (C) of the batch norm of y, from the moments; absent: not requested

  void operands(Operands& reader) {
    reader.feature("x", x);
    depthwise_weight(reader, w, geometry, x);
    reader.rank("y", y, 4);
    convolution_outputs(reader, y, {x.raw.n(), y.h(), y.w(), x.raw.c()}, x.raw.dtype(), moments, norm);
    require_geometry(reader, geometry, x.raw.shape(), y.shape());
  }
  double flops() const { return convolution_flops(y, w); }

  static void depthwise_weight(Operands& reader, Tensor& w, const ConvGeometry& g, const Feature& x) {
    reader.require(g.kernel == 3 || g.kernel == 5, "kernel is {}, expected 3 or 5", g.kernel);
    reader.require(g.stride == 1 || g.stride == 2, "stride is {}, expected 1 or 2", g.stride);
    reader.input("w", w, {g.kernel, g.kernel, x.raw.c()}, {}, fmt::format("for k={}", g.kernel));
  }
};

///   dw[p,q,c] = sum_{n,i,j} dy[n,i,j,c] * z(x)[n, i*s+p-pad_top, j*s+q-pad_left, c]
///   dL/dz(x)[n,h,w,c] = sum of dy[n,i,j,c]*w[p,q,c] over all (i,j,p,q) with i*s+p-pad_top = h, j*s+q-pad_left = w
struct DepthwiseBackward {
  static constexpr const char* kName = "depthwise_backward";
  Feature x;  ///< (N,H,W,C)
  Tensor w;   ///< (k,k,C)
  ConvGeometry geometry;
  OutputGradient dy;  ///< (N,H',W',C)
  Tensor dw;          ///< (k,k,C); absent: not requested
  InputGradient dx;   ///< (N,H,W,C); absent: not requested

  void operands(Operands& reader) {
    reader.feature("x", x);
    DepthwiseForward::depthwise_weight(reader, w, geometry, x);
    const Tensor& y = dy.of.raw;
    reader.output_gradient(dy, {x.raw.n(), y.h(), y.w(), x.raw.c()}, x.raw.dtype());
    require_geometry(reader, geometry, x.raw.shape(), y.shape());
    reader.optional_output("dw", dw, w.shape());
    reader.input_gradient(dx, x);
  }
  double flops() const { return convolution_flops(dy.of.raw, w) * (dw.defined() + dx.requested()); }
};

}  // namespace mcnn
