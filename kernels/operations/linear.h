// A linear layer: the classifier, and MobileNetV3's layer before it. As feature maps, its input is stored raw and activated on read.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// y = z w + b,  z = act(x)
struct LinearForward {
  static constexpr const char* kName = "linear_forward";
  Tensor x;  ///< (N,I)
  Tensor w;  ///< (I,O)
  Tensor b;  ///< (O)
  Tensor y;  ///< (N,O)
  Activation act = Activation::identity;

  void operands(Operands& reader) {
    weight(reader, x, w);
    reader.input("b", b, {w.dim(1)});
    reader.output("y", y, {x.dim(0), w.dim(1)});
  }
  double flops() const { return 2.0 * static_cast<double>(x.dim(0)) * static_cast<double>(w.size()); }

  static void weight(Operands& reader, Tensor& x, Tensor& w) {
    reader.rank("x", x, 2);
    reader.rank("w", w, 2);
    reader.input("x", x, x.shape());
    reader.input("w", w, {x.dim(1), w.dim(1)});
  }
};

///   dw = z^T dy,  db = sum_n dy,  dx = input_scale * dy w^T * act'(x)
struct LinearBackward {
  static constexpr const char* kName = "linear_backward";
  Tensor x;                 ///< (N,I)
  Tensor w;                 ///< (I,O)
  Tensor dy;                ///< (N,O)
  float input_scale = 1.f;  ///< 1/(H*W) if x is a spatial mean
  Tensor dw, db, dx;        ///< as w, b, x; absent: not requested
  Activation act = Activation::identity;

  void operands(Operands& reader) {
    LinearForward::weight(reader, x, w);
    reader.input("dy", dy, {x.dim(0), w.dim(1)});
    reader.optional_output("dw", dw, w.shape());
    reader.optional_output("db", db, {w.dim(1)});
    reader.optional_output("dx", dx, x.shape());
  }
  double flops() const { return 2.0 * static_cast<double>(x.dim(0)) * static_cast<double>(w.size()) * (dw.defined() + dx.defined()); }
};

}  // namespace mcnn
