// GradientReader reads dy, the gradient of a convolution's raw output (OutputGradient in kernels/feature.h).
// A thread computes the per-channel factors once. One formula covers all forms; `factor` is the gate or drop-path's factor:
//   du = (stored*factor + pooled) * act'(u)             factor: gate, or sample_scale;  absent: pooled = 0, act' = 1
//   dy = scale*du - centre - slope_xhat*(raw - mean)    centre = scale*sum_du/M,  slope_xhat = scale*invstd*sum_du_xhat/M
// Next: input_gradient.cuh has what a data gradient writes.
#pragma once
#include "kernels/cuda/feature.cuh"

namespace mcnn::cuda {

/// Null pointers are absent parts.
template <class T>
struct OutputGradientView {
  const T* stored;                    // (N,H,W,C)
  FeatureView<T> y;                   // the feature the gradient is of
  const float* sample_scale;          // (N)
  const float* pooled;                // (N,C)
  const float *sum_du, *sum_du_xhat;  // (C); null: frozen statistics, or no norm
  float per_value;                    // 1/M
  Activation act;                     // identity: du has no factor act'

  static OutputGradientView of(const OutputGradient& dy) {
    const bool batch_statistics = dy.of.norm.defined() && !dy.frozen;
    return {elements<T>(dy.stored),
            FeatureView<T>::of(dy.of),
            elements<float>(dy.sample_scale),
            elements<float>(dy.pooled),
            batch_statistics ? elements<float>(dy.sum_du) : nullptr,
            batch_statistics ? elements<float>(dy.sum_du_xhat) : nullptr,
            static_cast<float>(1.0 / static_cast<double>(dy.of.raw.rows())),
            dy.through_act ? dy.of.act : Activation::identity};
  }
  /// Whether dy depends on y's raw values. If not, a kernel does not load them, which halves its traffic.
  __host__ __device__ bool reads_raw() const { return sum_du || act != Activation::identity; }
};

/// Reads dy of N channels from c on. Call set_sample before the rows of a sample.
template <int N>
struct GradientReader {
  Floats<N> scale, shift, centre, slope_xhat, mean;  // (C)
  Floats<N> factor, pooled;                          // of the sample
  Activation act;

  template <class T>
  __device__ GradientReader(const OutputGradientView<T>& dy, int64_t c)
      : scale(load_or<N>(dy.y.scale, c, 1.f)),
        shift(load_or<N>(dy.y.shift, c, 0.f)),
        centre(load_or<N>(dy.sum_du, c, 0.f)),
        slope_xhat(load_or<N>(dy.sum_du_xhat, c, 0.f)),
        mean(load_or<N>(dy.y.mean, c, 0.f)),
        act(dy.act) {
    const Floats<N> invstd = load_or<N>(dy.y.invstd, c, 1.f);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      centre[i] *= scale[i] * dy.per_value;
      slope_xhat[i] *= scale[i] * dy.per_value * invstd[i];
      factor[i] = 1.f;
      pooled[i] = 0.f;
    }
  }
  /// at = n*C + c.
  template <class T>
  __device__ void set_sample(const OutputGradientView<T>& dy, int64_t n, int64_t at) {
    if (dy.pooled) {
      factor = load_or<N>(dy.y.gate, at, 1.f);
      pooled = load<float, N>(dy.pooled + at);
    } else if (dy.sample_scale) {
      const float of_sample = load<float, 1>(dy.sample_scale + n)[0];
#pragma unroll
      for (int i = 0; i < N; ++i) factor[i] = of_sample;
    }
  }

  /// dy of channel i. stored is 0 if absent; if !reads_raw(), raw is any finite number.
  __device__ float dy(float stored, float raw, int i) const { return dy(stored, raw, i, act); }
  __device__ Floats<N> dy(const Floats<N>& stored, const Floats<N>& raw) const {
    Floats<N> out;
    with_activation(act, [&](Activation constant) {
#pragma unroll
      for (int i = 0; i < N; ++i) out[i] = dy(stored[i], raw[i], i, constant);
    });
    return out;
  }
  /// dy of the N channels at element `at` of (N,H,W,C). Loads only the maps that dy depends on.
  template <class T>
  __device__ Floats<N> read(const OutputGradientView<T>& view, int64_t at) const {
    return dy(load_or<N>(view.stored, at, 0.f), view.reads_raw() ? load<T, N>(view.y.raw + at) : mean);
  }

 private:
  __device__ float dy(float stored, float raw, int i, Activation constant) const {
    const float du = (stored * factor[i] + pooled[i]) * slope_of(constant, scale[i] * raw + shift[i]);
    return scale[i] * du - centre[i] - slope_xhat[i] * (raw - mean[i]);
  }
};

}  // namespace mcnn::cuda
