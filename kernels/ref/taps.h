// The input pixel of each tap of a k x k kernel, for the depthwise and the dense convolution.
#pragma once
#include "kernels/ops.h"

namespace mcnn::ref {

/// Calls visit(in, out, tap) for every tap p,q of every output pixel n,i,j that lies inside the image, where
///   in  = (n, i*s+p-pad_top, j*s+q-pad_left)  and  out = (n,i,j)  are rows of x and y,  tap = p*k+q.
template <class Visit>
void each_tap(const Shape& x, const Shape& y, const ConvGeometry& g, const Visit& visit) {
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t i = 0; i < y[1]; ++i)
      for (int64_t j = 0; j < y[2]; ++j)
        for (int64_t p = 0; p < g.kernel; ++p)
          for (int64_t q = 0; q < g.kernel; ++q) {
            const int64_t h = i * g.stride + p - g.pad_top, w = j * g.stride + q - g.pad_left;
            if (h < 0 || h >= x[1] || w < 0 || w >= x[2]) continue;
            visit((n * x[1] + h) * x[2] + w, (n * y[1] + i) * y[2] + j, p * g.kernel + q);
          }
}

}  // namespace mcnn::ref
