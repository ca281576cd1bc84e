// The network's input: a feature map from bytes.
#pragma once
#include <array>

#include "kernels/operation.h"

namespace mcnn {

/// y[n,h,w,c] = (pixels[n,h,w',c]/255 - mean[c]) / std[c], w' = W-1-w if flip[n] != 0, else w.
struct NormalizeImages {
  static constexpr const char* kName = "normalize_images";
  Tensor pixels;  ///< (N,H,W,3) u8
  Tensor flip;    ///< (N) u8 or absent
  std::array<float, 3> mean{}, std{};
  Tensor y;  ///< (N,H,W,3) storage type

  void operands(Operands& reader) {
    reader.rank("pixels", pixels, 4);
    const Shape shape = {pixels.n(), pixels.h(), pixels.w(), 3};
    reader.input("pixels", pixels, shape, DType::u8);
    reader.optional_input("flip", flip, {pixels.n()}, DType::u8);
    if (y.defined()) reader.storage({"", "y"}, y.dtype());
    reader.output("y", y, shape, y.dtype());
  }
};

}  // namespace mcnn
