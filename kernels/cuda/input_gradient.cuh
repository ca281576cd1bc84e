// The tensors that a data gradient writes for its feature x (InputGradient in kernels/feature.h), from dz = dL/dz + add:
//   without a gate  stored = dz*act'(u)   sums over N,H,W of  {du, du*(raw - mean)}
//   with a gate     stored = dz           sums over H,W of    {dz*a, dz*act', dz*act'*(raw - mean)}
// The sums are of the value as rounded for storage. Each block writes its part of a sum; the last block of a group adds the parts in
// their order and multiplies by invstd: xhat = (raw - mean)*invstd.
// Next: moments.cuh merges parts; GradientWriter (epilogues.cuh) writes the gradient of a matrix product.
#pragma once
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/moments.cuh"

namespace mcnn::cuda {

/// Sums per channel: 2 without a gate, 3 with one.
inline constexpr int kMostInputSums = 3;

/// Whether any sum is defined.
inline bool requests_sums(const InputGradient& dx) {
  return dx.sum_du.defined() || dx.sum_du_xhat.defined() || dx.sum_dz_a.defined() || dx.sum_dz_slope.defined() ||
         dx.sum_dz_slope_xhat.defined();
}

/// How the sums of a data gradient are cut into parts. Groups are samples if x has a gate, else there is one.
struct InputSumCut {
  int64_t channels, parts, most_parts;  // parts of all groups; most of one group
  int groups, rows, tiles;              // rows: 2 or 3 sums; tiles of channels

  int64_t floats() const { return parts * rows * channels; }
  int64_t arrivals() const { return parts ? groups * tiles * MergeTree(most_parts).arrivals : 0; }
};
/// No parts if no sums are requested.
inline InputSumCut cut_input_sums(const Feature& x, const InputGradient& dx, int64_t parts, int64_t most_parts, int64_t tiles) {
  const bool gated = x.gate.defined(), requested = dx.requested() && requests_sums(dx);
  return {x.raw.c(), requested ? parts : 0, most_parts, static_cast<int>(gated ? x.raw.n() : 1), gated ? 3 : 2, static_cast<int>(tiles)};
}

/// Null pointers are absent or not requested.
template <class T>
struct InputGradientView {
  T* stored;       // (N,H,W,C)
  const T* add;    // (N,H,W,C)
  SumParts parts;  // (parts, sums, C)
  SumTargets sums;
  int groups, tiles;

  static InputGradientView of(const Feature& x, InputGradient& dx, const InputSumCut& cut, float* memory, unsigned* arrivals) {
    const SumParts parts{cut.parts ? memory : nullptr, arrivals, cut.rows, static_cast<int>(cut.channels), MergeTree(cut.most_parts)};
    if (!dx.requested()) return {nullptr, nullptr, parts, {}, cut.groups, cut.tiles};
    const float* invstd = elements<float>(x.norm.invstd);
    const SumTargets sums =
        cut.rows == 3
            ? SumTargets{{elements<float>(dx.sum_dz_a), elements<float>(dx.sum_dz_slope), elements<float>(dx.sum_dz_slope_xhat)}, invstd, 3}
            : SumTargets{{elements<float>(dx.sum_du), elements<float>(dx.sum_du_xhat)}, invstd, 2};
    return {elements<T>(dx.stored), elements<T>(std::as_const(dx.add)), parts, sums, cut.groups, cut.tiles};
  }

  /// Called by all threads of a block that has written part first + part of a group's sums, over a tile of `width` channels.
  __device__ void merge(int group, int first, int part, int count, int tile, int width) const {
    parts.merge(group * tiles + tile, first, part, count, {0, parts.rows, tile * width, width},
                [&](int row, int c, float sum) { sums.write(row, static_cast<int64_t>(group) * parts.columns + c, c, sum); });
  }
  /// The same if every sample has `per_sample` parts, all samples `all`, and the block has written part number `part` of its sample.
  __device__ void merge_of_sample(int sample, int part, int per_sample, int all, int tile, int width) const {
    const int first = sample * per_sample;
    const bool by_sample = groups > 1;  // a single sample is one group in both cases
    merge(by_sample ? sample : 0, by_sample ? first : 0, by_sample ? part : first + part, by_sample ? per_sample : all, tile, width);
  }
};

/// One element: the value to store, rounded to T, and its terms of the sums.
struct GradientTerms {
  float stored;
  float sums[kMostInputSums];
};

/// a and slope are of u(raw); `centred` is raw - mean, or 0 if x has no norm.
template <class T>
__device__ GradientTerms gradient_terms(bool gated, float dz, float a, float slope, float centred) {
  if (gated) {
    const float stored = rounded<T>(dz), dz_slope = stored * slope;
    return {stored, {stored * a, dz_slope, dz_slope * centred}};
  }
  const float stored = rounded<T>(dz * slope);
  return {stored, {stored, stored * centred, 0.f}};
}

/// Computes GradientTerms of N channels from c on.
template <int N>
struct SlopeReader {
  Floats<N> scale, shift, mean;
  Activation act;
  bool gated, has_norm;

  template <class T>
  __device__ SlopeReader(const FeatureView<T>& x, int64_t c)
      : scale(load_or<N>(x.scale, c, 1.f)),
        shift(load_or<N>(x.shift, c, 0.f)),
        mean(load_or<N>(x.mean, c, 0.f)),
        act(x.act),
        gated(x.gate != nullptr),
        has_norm(x.scale != nullptr) {}

  /// Of channel i; dz includes `add`.
  template <class T>
  __device__ GradientTerms terms(float dz, float raw, int i) const {
    float a, slope;
    act_with_slope(act, scale[i] * raw + shift[i], a, slope);
    return gradient_terms<T>(gated, dz, a, slope, has_norm ? raw - mean[i] : 0.f);
  }
};

}  // namespace mcnn::cuda
