#include "kernels/operations/convolution.h"

namespace mcnn {

void require_geometry(Operands& reader, const ConvGeometry& g, const Shape& x, const Shape& y) {
  reader.require(g.kernel >= 1 && g.stride >= 1, "kernel {} and stride {}, expected 1 or more", g.kernel, g.stride);
  const auto axis = [&](const char* name, int pad, int64_t in, int64_t out) {
    reader.require(pad >= 0 && pad < g.kernel, "pad_{} is {}, expected 0 to {}", name, pad, g.kernel - 1);
    reader.require((out - 1) * g.stride - pad < in, "{} outputs along {} reach past an image of {} (kernel {}, stride {}, pad {})", out,
                   name, in, g.kernel, g.stride, pad);
  };
  axis("top", g.pad_top, x[1], y[1]);
  axis("left", g.pad_left, x[2], y[2]);
}

void convolution_outputs(Operands& reader, Tensor& y, const Shape& shape, DType storage, Moments& moments, NormUpdate& norm) {
  reader.output("y", y, shape, storage);
  reader.moments(moments, shape[3]);
  reader.require(moments.requested() || !norm.requested(), "norm is requested, but moments are not");
  reader.require(!norm.requested() || y.rows() >= 2, "y has one value per channel, expected 2 or more: one value has no variance");
  reader.norm_update(norm, shape[3]);
}

}  // namespace mcnn
