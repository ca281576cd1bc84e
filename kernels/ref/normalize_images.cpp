// The network's input from bytes.  Contract and formulas: kernels/operations/normalize_images.h.
#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::execute(NormalizeImages& op) {
  const Reals bytes = load(op.pixels), mirrored = load_or(op.flip, op.pixels.n(), 0.0);
  Reals out = zeros(op.y.size());
  const int64_t height = op.pixels.h(), width = op.pixels.w();
  for (int64_t n = 0; n < op.pixels.n(); ++n)
    for (int64_t h = 0; h < height; ++h)
      for (int64_t w = 0; w < width; ++w)
        for (int64_t c = 0; c < 3; ++c) {
          const int64_t from = mirrored.data()[n] != 0.0 ? width - 1 - w : w, row = (n * height + h) * width;
          out.data()[(row + w) * 3 + c] =
              (bytes.data()[(row + from) * 3 + c] / 255.0 - static_cast<double>(op.mean[c])) / static_cast<double>(op.std[c]);
        }
  store(out, op.y);
}

}  // namespace mcnn::ref
