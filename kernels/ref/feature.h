// Reads features and gradients, and writes outputs and input gradients, by kernels/feature.h's formulas on whole tensors in double.
// Every operation of this backend reads its operands and writes its results with these functions.
#pragma once
#include "kernels/feature.h"
#include "kernels/ref/reals.h"

namespace mcnn::ref {

/// Calls visit(i, nc, c, n) for each element of an (N,H,W,C) tensor in order: its index, and the indices that belong to it in (N,C), (C)
/// and (N) tensors.
template <class Visit>
void each_element(const Shape& s, const Visit& visit) {
  const int64_t channels = s[3], pixels = s[1] * s[2];
  std::size_t i = 0;
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int64_t c = 0; c < channels; ++c, ++i)
        visit(i, static_cast<std::size_t>(n * channels + c), static_cast<std::size_t>(c), static_cast<std::size_t>(n));
}

Reals read_u(const Feature& x);     ///< (N,H,W,C)  scale*raw + shift
Reals read_xhat(const Feature& x);  ///< (N,H,W,C)  (raw - mean)*invstd; x has a norm
Reals read_z(const Feature& x);     ///< (N,H,W,C)  act(u)*gate

Reals read_du(const OutputGradient& dy);  ///< (N,H,W,C) of u of dy.of
Reals read_dy(const OutputGradient& dy);  ///< (N,H,W,C) of dy.of.raw

/// Writes the tensors that `dx` requests, from dL/dz(x).
void write_input_gradient(Reals dz, const Feature& x, InputGradient& dx);
/// Writes y and, if requested, the moments of y as stored, and the norm that is computed from them.
void write_output(const Reals& values, Tensor& y, Moments& moments, NormUpdate& norm);
/// Computes a norm from moments over `count` values: NormUpdate in kernels/feature.h.
void update_norm(const Moments& moments, int64_t count, NormUpdate& update);

}  // namespace mcnn::ref
