// The formulas of kernels/feature.h on whole tensors.  Contract: feature.h in this folder.
// Next: pointwise.cpp is the simplest operation that uses them.
#include "kernels/ref/feature.h"

namespace mcnn::ref {

Reals read_u(const Feature& x) {
  Reals u = load(x.raw);
  if (!x.norm.defined()) return u;
  const Reals scale = load(x.norm.scale), shift = load(x.norm.shift);
  each_element(x.raw.shape(), [&](auto i, auto, auto c, auto) { u[i] = scale[c] * u[i] + shift[c]; });
  return u;
}

Reals read_xhat(const Feature& x) {
  Reals xhat = load(x.raw);
  const Reals mean = load(x.norm.mean), invstd = load(x.norm.invstd);
  each_element(x.raw.shape(), [&](auto i, auto, auto c, auto) { xhat[i] = (xhat[i] - mean[c]) * invstd[c]; });
  return xhat;
}

Reals read_z(const Feature& x) {
  Reals z = read_u(x);
  const Reals gate = load_or(x.gate, x.raw.n() * x.raw.c(), 1.0);
  each_element(x.raw.shape(), [&](auto i, auto nc, auto, auto) { z[i] = activate(x.act, z[i]) * gate[nc]; });
  return z;
}

Reals read_du(const OutputGradient& dy) {
  const Tensor& raw = dy.of.raw;
  const Reals gate = load_or(dy.of.gate, raw.n() * raw.c(), 1.0), sample_scale = load_or(dy.sample_scale, raw.n(), 1.0);
  const Reals pooled = load_or(dy.pooled, raw.n() * raw.c(), 0.0);
  Reals du = load_or(dy.stored, raw.size(), 0.0);
  each_element(raw.shape(), [&](auto i, auto nc, auto, auto n) { du[i] = du[i] * gate[nc] * sample_scale[n] + pooled[nc]; });
  if (!dy.through_act) return du;
  const Reals u = read_u(dy.of);
  for (std::size_t i = 0; i < du.size(); ++i) du[i] *= activation_slope(dy.of.act, u[i]);
  return du;
}

Reals read_dy(const OutputGradient& dy) {
  const Feature& y = dy.of;
  Reals du = read_du(dy);
  if (!y.norm.defined()) return du;
  const Reals scale = load(y.norm.scale);
  if (dy.frozen) {
    each_element(y.raw.shape(), [&](auto i, auto, auto c, auto) { du[i] *= scale[c]; });
    return du;
  }
  const auto count = static_cast<double>(y.raw.rows());
  const Reals xhat = read_xhat(y), sum_du = load(dy.sum_du), sum_du_xhat = load(dy.sum_du_xhat);
  each_element(y.raw.shape(),
               [&](auto i, auto, auto c, auto) { du[i] = scale[c] * (du[i] - sum_du[c] / count - xhat[i] * sum_du_xhat[c] / count); });
  return du;
}

void write_input_gradient(Reals dz, const Feature& x, InputGradient& dx) {
  if (!dx.requested()) return;
  const Shape& shape = x.raw.shape();
  const Reals u = read_u(x), add = load_or(dx.add, x.raw.size(), 0.0);
  const bool gated = x.gate.defined();
  each_element(shape, [&](auto i, auto, auto, auto) {
    dz[i] += add[i];
    if (!gated) dz[i] *= activation_slope(x.act, u[i]);
  });
  store(dz, dx.stored);

  const Reals stored = load(dx.stored);
  const Reals xhat = x.norm.defined() ? read_xhat(x) : zeros(x.raw.size());
  if (gated) {
    Reals sum_a = zeros(x.gate.size()), sum_slope = sum_a, sum_slope_xhat = sum_a;
    each_element(shape, [&](auto i, auto nc, auto, auto) {
      const double slope = activation_slope(x.act, u[i]);
      sum_a[nc] += stored[i] * activate(x.act, u[i]);
      sum_slope[nc] += stored[i] * slope;
      sum_slope_xhat[nc] += stored[i] * slope * xhat[i];
    });
    store(sum_a, dx.sum_dz_a);
    store(sum_slope, dx.sum_dz_slope);
    store(sum_slope_xhat, dx.sum_dz_slope_xhat);
  } else {
    Reals sum_du = zeros(shape[3]), sum_du_xhat = sum_du;
    each_element(shape, [&](auto i, auto, auto c, auto) {
      sum_du[c] += stored[i];
      sum_du_xhat[c] += stored[i] * xhat[i];
    });
    store(sum_du, dx.sum_du);
    store(sum_du_xhat, dx.sum_du_xhat);
  }
}

void write_output(const Reals& values, Tensor& y, Moments& moments, NormUpdate& norm) {
  store(values, y);
  if (!moments.requested()) return;
  const Reals stored = load(y);
  Reals mean = zeros(y.c()), m2 = mean;
  each_element(y.shape(), [&](auto i, auto, auto c, auto) { mean[c] += stored[i]; });
  for (double& m : mean) m /= static_cast<double>(y.rows());
  each_element(y.shape(), [&](auto i, auto, auto c, auto) { m2[c] += (stored[i] - mean[c]) * (stored[i] - mean[c]); });
  store(mean, moments.mean);
  store(m2, moments.m2);
  if (norm.requested()) update_norm(moments, y.rows(), norm);
}

}  // namespace mcnn::ref
