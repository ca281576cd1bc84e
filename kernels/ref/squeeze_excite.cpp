// Squeeze-excite's gate: two small matrix products per sample.  Contract and formulas: kernels/operations/squeeze_excite.h.
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

Reals activated(Activation act, Reals h) {
  for (double& v : h) v = activate(act, v);
  return h;
}

}  // namespace

void RefOps::execute(SqueezeExciteForward& op) {
  const int64_t samples = op.s.dim(0);
  const Reals h = affine(load(op.s), op.w1, op.b1, samples);      // (N,R)
  Reals g = affine(activated(op.act, h), op.w2, op.b2, samples);  // (N,C)
  for (double& v : g) v = gate_of(op.function, v);
  store(h, op.hidden);
  store(g, op.gate);
}

void RefOps::execute(SqueezeExciteBackward& op) {
  const int64_t samples = op.s.dim(0), channels = op.w1.dim(0), reduced = op.w1.dim(1);
  const Reals h = load(op.hidden), g = load(op.gate);

  Reals dt = load(op.sum_dz_a);  // (N,C)
  for (std::size_t i = 0; i < dt.size(); ++i) dt[i] *= gate_slope(op.function, g[i]);
  store(product_at_b(activated(op.act, h), dt, samples, reduced, channels), op.dw2);
  store(sum_rows(dt, samples, channels), op.db2);

  Reals dh = product_a_bt(dt, load(op.w2), samples, channels, reduced);  // (N,R)
  for (std::size_t i = 0; i < dh.size(); ++i) dh[i] *= activation_slope(op.act, h[i]);
  store(product_at_b(load(op.s), dh, samples, channels, reduced), op.dw1);
  store(sum_rows(dh, samples, reduced), op.db1);

  Reals p = product_a_bt(dh, load(op.w1), samples, reduced, channels);  // (N,C)
  for (double& v : p) v /= static_cast<double>(op.pixels);
  store(p, op.pooled);
}

}  // namespace mcnn::ref
