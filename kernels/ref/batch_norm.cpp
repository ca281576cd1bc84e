// Batch norm: what its readers need, and the two sums its gradient needs.  Contract and formulas: kernels/ops.h.
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
void update(Tensor& running, const Reals& latest, double momentum) {
  if (!running.defined()) return;
  Reals average = load(running);
  for (std::size_t c = 0; c < average.size(); ++c) average[c] = (1.0 - momentum) * average[c] + momentum * latest[c];
  store(average, running);
}

}  // namespace

void RefOps::batch_norm_forward(const Moments& moments, int64_t count, const Tensor& gamma, const Tensor& beta, float eps, float momentum,
                                Tensor& running_mean, Tensor& running_var, Norm& norm) {
  const Reals mean = load(moments.mean), m2 = load(moments.m2);
  Reals biased = m2, unbiased = m2;
  for (double& v : biased) v /= static_cast<double>(count);
  for (double& v : unbiased) v /= static_cast<double>(count - 1);
  fold(mean, biased, load(gamma), load(beta), eps, norm);
  update(running_mean, mean, momentum);
  update(running_var, unbiased, momentum);
}

void RefOps::batch_norm_frozen(const Tensor& running_mean, const Tensor& running_var, const Tensor& gamma, const Tensor& beta, float eps,
                               Norm& norm) {
  fold(load(running_mean), load(running_var), load(gamma), load(beta), eps, norm);
}

void RefOps::batch_norm_sums(const Feature& x, const Tensor& stored, const Tensor& sample_scale, Tensor& sum_du, Tensor& sum_du_xhat) {
  const Reals du = read_scaled(stored, sample_scale), xhat = read_xhat(x);
  Reals sum = zeros(x.raw.c()), sum_xhat = sum;
  each_element(x.raw.shape(), [&](auto i, auto, auto c, auto) {
    sum[c] += du[i];
    sum_xhat[c] += du[i] * xhat[i];
  });
  store(sum, sum_du);
  store(sum_xhat, sum_du_xhat);
}

void RefOps::batch_norm_sums_gated(const Tensor& gate, const Tensor& sum_dz_slope, const Tensor& sum_dz_slope_xhat, const Tensor& pooled,
                                   const Tensor& slope, const Tensor& slope_xhat, Tensor& sum_du, Tensor& sum_du_xhat) {
  const auto samples = static_cast<std::size_t>(pooled.dim(0)), channels = static_cast<std::size_t>(pooled.dim(1));
  const Reals g = load_or(gate, pooled.size(), 0.0), p = load(pooled);
  const Reals dz_slope = load_or(sum_dz_slope, pooled.size(), 0.0), dz_slope_xhat = load_or(sum_dz_slope_xhat, pooled.size(), 0.0);
  const Reals sum_slope = load(slope), sum_slope_xhat = load(slope_xhat);
  Reals sum(channels, 0.0), sum_xhat(channels, 0.0);
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t nc = n * channels + c;
      sum[c] += g[nc] * dz_slope[nc] + p[nc] * sum_slope[nc];
      sum_xhat[c] += g[nc] * dz_slope_xhat[nc] + p[nc] * sum_slope_xhat[nc];
    }
  store(sum, sum_du);
  store(sum_xhat, sum_du_xhat);
}

}  // namespace mcnn::ref
