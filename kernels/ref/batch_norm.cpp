// Batch norm: scale and shift from moments, and the two sums that its gradient needs.  Contract and formulas:
// kernels/operations/batch_norm.h.
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {
namespace {

void fold(const Reals& mean, const Reals& var, const Reals& gamma, const Reals& beta, double eps, Norm& norm) {
  Reals invstd = mean, scale = mean, shift = mean;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    invstd[c] = 1.0 / std::sqrt(var[c] + eps);
    scale[c] = gamma[c] * invstd[c];
    shift[c] = beta[c] - mean[c] * scale[c];
  }
  store(mean, norm.mean);
  store(invstd, norm.invstd);
  store(scale, norm.scale);
  store(shift, norm.shift);
}

// running = (1-momentum)*running + momentum*latest
void average(Tensor& running, const Reals& latest, double momentum) {
  if (!running.defined()) return;
  Reals values = load(running);
  for (std::size_t c = 0; c < values.size(); ++c) values[c] = (1.0 - momentum) * values[c] + momentum * latest[c];
  store(values, running);
}

}  // namespace

void update_norm(const Moments& moments, int64_t count, NormUpdate& update) {
  const Reals mean = load(moments.mean), m2 = load(moments.m2);
  Reals biased = m2, unbiased = m2;
  for (double& v : biased) v /= static_cast<double>(count);
  for (double& v : unbiased) v /= static_cast<double>(count - 1);
  fold(mean, biased, load(update.gamma), load(update.beta), update.eps, update.norm);
  average(update.running_mean, mean, update.momentum);
  average(update.running_var, unbiased, update.momentum);
}

void RefOps::execute(BatchNormForward& op) { update_norm(op.moments, op.count, op.update); }

void RefOps::execute(BatchNormFrozen& op) {
  fold(load(op.running_mean), load(op.running_var), load(op.gamma), load(op.beta), op.eps, op.norm);
}

void RefOps::execute(BatchNormSums& op) {
  const Reals du = read_du({.of = op.x, .stored = op.stored, .sample_scale = op.sample_scale, .through_act = true});
  const Reals xhat = read_xhat(op.x);
  Reals sum = zeros(op.x.raw.c()), sum_xhat = sum;
  each_element(op.x.raw.shape(), [&](auto i, auto, auto c, auto) {
    sum[c] += du[i];
    sum_xhat[c] += du[i] * xhat[i];
  });
  store(sum, op.sum_du);
  store(sum_xhat, op.sum_du_xhat);
}

void RefOps::execute(BatchNormSumsGated& op) {
  const auto samples = static_cast<std::size_t>(op.pooled.dim(0)), channels = static_cast<std::size_t>(op.pooled.dim(1));
  const Reals g = load_or(op.gate, op.pooled.size(), 0.0), p = load(op.pooled);
  const Reals dz_slope = load_or(op.sum_dz_slope, op.pooled.size(), 0.0),
              dz_slope_xhat = load_or(op.sum_dz_slope_xhat, op.pooled.size(), 0.0);
  const Reals sum_slope = load(op.slope), sum_slope_xhat = load(op.slope_xhat);
  Reals sum(channels, 0.0), sum_xhat(channels, 0.0);
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t nc = n * channels + c;
      sum[c] += g[nc] * dz_slope[nc] + p[nc] * sum_slope[nc];
      sum_xhat[c] += g[nc] * dz_slope_xhat[nc] + p[nc] * sum_slope_xhat[nc];
    }
  store(sum, op.sum_du);
  store(sum_xhat, op.sum_du_xhat);
}

}  // namespace mcnn::ref
