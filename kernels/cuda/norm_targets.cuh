// Stores the moments of a convolution's output and, if the convolution has a batch norm as operand, computes scale and shift from them
// in the same block.  Formulas: kernels/feature.h.
// Next: batch_norm.cu.
#pragma once
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/moments.cuh"

namespace mcnn::cuda {

/// All (C).
struct NormPointers {
  const float *gamma, *beta;
  float *mean, *invstd, *scale, *shift;

  static NormPointers of(const Tensor& gamma, const Tensor& beta, Norm& norm) {
    return {elements<float>(gamma),       elements<float>(beta),       elements<float>(norm.mean),
            elements<float>(norm.invstd), elements<float>(norm.scale), elements<float>(norm.shift)};
  }
  /// shift is computed from the rounded scale: u at the mean is beta, to one rounding.
  __device__ void fold(float of_mean, float var, float eps, int c) const {
    const float of_invstd = 1.f / sqrtf(var + eps), of_scale = gamma[c] * of_invstd;
    mean[c] = of_mean;
    invstd[c] = of_invstd;
    scale[c] = of_scale;
    shift[c] = fmaf(-of_mean, of_scale, beta[c]);
  }
};

/// The update of the running statistics. The host computes the factors in double.
struct RunningUpdate {
  float *mean, *var;                // (C); null: no update
  float kept, momentum, var_of_m2;  // 1-momentum, momentum, momentum/(count-1)
};

/// Computes a batch norm from moments.
struct BatchNormFold {
  NormPointers norm;  // mean null: not requested
  float per_value, eps;
  RunningUpdate running;

  static BatchNormFold of(int64_t count, NormUpdate& update) {
    const auto values = static_cast<double>(count);
    return {NormPointers::of(update.gamma, update.beta, update.norm),
            static_cast<float>(1.0 / values),
            update.eps,
            {elements<float>(update.running_mean), elements<float>(update.running_var), static_cast<float>(1.0 - update.momentum),
             update.momentum, static_cast<float>(update.momentum / (values - 1.0))}};
  }

  __device__ void operator()(int c, float mean, float m2) const {
    norm.fold(mean, m2 * per_value, eps, c);
    if (!running.mean) return;
    running.mean[c] = fmaf(running.momentum, mean, running.kept * running.mean[c]);
    running.var[c] = fmaf(running.var_of_m2, m2, running.kept * running.var[c]);
  }
};

struct MomentTargets {
  float *mean, *m2;  // (C); null: no moments are requested
  BatchNormFold fold;

  /// The moments are over `count` values. Moments and norm may be absent.
  static MomentTargets of(Moments& moments, int64_t count, NormUpdate& norm) {
    return {elements<float>(moments.mean), elements<float>(moments.m2),
            norm.requested() ? BatchNormFold::of(count, norm) : BatchNormFold{}};
  }
  __device__ void write(int c, const RunningMoments& moments) const {
    store<float, 1>(mean + c, {moments.mean});
    store<float, 1>(m2 + c, {moments.m2});
    if (fold.norm.mean) fold(c, moments.mean, moments.m2);
  }
};

}  // namespace mcnn::cuda
