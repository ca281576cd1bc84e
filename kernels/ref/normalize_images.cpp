// From bytes to what the network was trained on.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

void RefOps::normalize_images(const Tensor& pixels, const Tensor& flip, const float (&mean)[3], const float (&std)[3], Tensor& y) {
  const Reals bytes = load(pixels), mirrored = load_or(flip, pixels.n(), 0.0);
  Reals out = zeros(y.size());
  const int64_t height = pixels.h(), width = pixels.w();
  for (int64_t n = 0; n < pixels.n(); ++n)
    for (int64_t h = 0; h < height; ++h)
      for (int64_t w = 0; w < width; ++w)
        for (int64_t c = 0; c < 3; ++c) {
          const int64_t from = mirrored.data()[n] != 0.0 ? width - 1 - w : w, row = (n * height + h) * width;
          out.data()[(row + w) * 3 + c] =
              (bytes.data()[(row + from) * 3 + c] / 255.0 - static_cast<double>(mean[c])) / static_cast<double>(std[c]);
        }
  store(out, y);
}

}  // namespace mcnn::ref
