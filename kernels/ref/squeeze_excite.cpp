// Squeeze-excite's gate: two small matrix products per sample.  Contract and formulas: kernels/ops.h.
#include "kernels/ref/matrix.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {
namespace {

/// a w + b, row by row.
Reals affine(const Reals& a, const Tensor& w, const Tensor& b, int64_t rows) {
  Reals out = product(a, load(w), rows, w.dim(0), w.dim(1));
  const Reals bias = load(b);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += bias[i % bias.size()];
  return out;
}

Reals swish_of(Reals h) {
  for (double& v : h) v = activate(Activation::swish, v);
  return h;
}

}  // namespace

void RefOps::squeeze_excite_forward(const Tensor& s, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2, Tensor& hidden,
                                    Tensor& gate) {
  const int64_t samples = s.dim(0);
  const Reals h = affine(load(s), w1, b1, samples);  // (N,R)
  Reals g = affine(swish_of(h), w2, b2, samples);    // (N,C)
  for (double& v : g) v = 1.0 / (1.0 + std::exp(-v));
  store(h, hidden);
  store(g, gate);
}

void RefOps::squeeze_excite_backward(const Tensor& s, const Tensor& w1, const Tensor& w2, const Tensor& hidden, const Tensor& gate,
                                     const Tensor& sum_dz_a, int64_t pixels, Tensor& dw1, Tensor& db1, Tensor& dw2, Tensor& db2,
                                     Tensor& pooled) {
  const int64_t samples = s.dim(0), channels = w1.dim(0), reduced = w1.dim(1);
  const Reals h = load(hidden), g = load(gate);

  Reals dt = load(sum_dz_a);  // (N,C)
  for (std::size_t i = 0; i < dt.size(); ++i) dt[i] *= g[i] * (1.0 - g[i]);
  store(product_at_b(swish_of(h), dt, samples, reduced, channels), dw2);
  store(sum_rows(dt, samples, channels), db2);

  Reals dh = product_a_bt(dt, load(w2), samples, channels, reduced);  // (N,R)
  for (std::size_t i = 0; i < dh.size(); ++i) dh[i] *= activation_slope(Activation::swish, h[i]);
  store(product_at_b(load(s), dh, samples, channels, reduced), dw1);
  store(sum_rows(dh, samples, reduced), db1);

  Reals p = product_a_bt(dh, load(w1), samples, reduced, channels);  // (N,C)
  for (double& v : p) v /= static_cast<double>(pixels);
  store(p, pooled);
}

}  // namespace mcnn::ref
