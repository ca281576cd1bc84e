// Batch norm: from moments to the scale and shift that readers apply, and the two sums of its backward.  Contract:
// kernels/operations/batch_norm.h. Nothing here normalises a feature map: readers do (feature.h).
//   batch_norm_forward, batch_norm_frozen, batch_norm_sums_gated   (C) and (N,C) only: plain code in double
//   batch_norm_sums   one pass over two feature maps, bandwidth-bound: fp32 sums over 64 rows at most, from there in double,
//                     a set per part of the map, merged in the order of the parts
// Next: the convolutions' backward reads the sums through gradient_coefficients.h.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/batch_norm.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/row_parts.h"
#include "kernels/cpu/cuts/scratch.h"
#include "kernels/cpu/readers/feature_reader-inl.h"
#include "kernels/cpu/simd/lanes-inl.h"
#include "kernels/cpu/storage.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

/// Adds to sums[0..C) the part's sum of du = stored*act'(u) and to sums[C..2C) that of du*(raw - mean).
template <Activation kAct, class T>
void sum_rows(const Feature& x, const T* stored, const RowPart& part, double* sums) {
  const T* const raw = x.raw.data<T>();
  const float* const mean = x.norm.mean.data<float>();
  const int64_t channels = x.raw.c();
  const FeatureSample sample = feature_sample(x, part.n);
  constexpr int64_t kRun = 64;  // the fp32 sums stay short and in the first-level cache
  float* run_du = thread_scratch().floats(static_cast<std::size_t>(2 * channels));
  float* run_du_centred = run_du + channels;
  const int64_t end = part.first + part.rows;
  for (int64_t first = part.first; first < end; first += kRun) {
    std::fill_n(run_du, 2 * channels, 0.0f);
    for (int64_t row = first; row < std::min(first + kRun, end); ++row) {
      const T* raw_row = raw + row * channels;
      const T* stored_row = stored + row * channels;
      for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
        const auto value = load(d, raw_row + c);
        auto du = load(d, stored_row + c);
        if constexpr (kAct != Activation::identity) {
          hn::Vec<decltype(d)> a, slope;
          FeatureReader(d, sample, c).template activate_u<kAct>(value, a, slope);
          du = hn::Mul(du, slope);
        }
        const auto centred = hn::Sub(value, hn::LoadU(d, mean + c));
        hn::StoreU(hn::Add(hn::LoadU(d, run_du + c), du), d, run_du + c);
        hn::StoreU(hn::MulAdd(du, centred, hn::LoadU(d, run_du_centred + c)), d, run_du_centred + c);
      });
    }
    for (int64_t i = 0; i < 2 * channels; ++i) sums[i] += run_du[i];
  }
}

void batch_norm_sum_rows(const Feature& x, const Tensor& stored, const RowPart& part, double* sums) {
  with_storage(stored.dtype(), [&](auto t) {
    with_activation(x.act, [&](auto act) HWY_ATTR { sum_rows<act()>(x, stored.data<decltype(t)>(), part, sums); });
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(batch_norm_sum_rows);

namespace {
/// Channel c of `norm`, for a mean and a variance. shift takes scale as rounded: u is beta at the mean, to one rounding.
void fold(double mean, double var, float eps, float gamma, float beta, int64_t c, Norm& norm) {
  const double invstd = 1.0 / std::sqrt(var + eps);
  const auto scale = static_cast<float>(gamma * invstd);
  norm.mean.data<float>()[c] = static_cast<float>(mean);
  norm.invstd.data<float>()[c] = static_cast<float>(invstd);
  norm.scale.data<float>()[c] = scale;
  norm.shift.data<float>()[c] = static_cast<float>(beta - mean * scale);
}
}  // namespace

void update_norm(const Moments& moments, int64_t count, NormUpdate& update) {
  if (!update.requested()) return;
  const double rate = update.momentum;
  for (int64_t c = 0; c < update.gamma.size(); ++c) {
    const double mean = moments.mean.data<float>()[c], m2 = moments.m2.data<float>()[c];
    fold(mean, m2 / static_cast<double>(count), update.eps, update.gamma.data<float>()[c], update.beta.data<float>()[c], c, update.norm);
    if (!update.running_mean) continue;
    float &old_mean = update.running_mean.data<float>()[c], &old_var = update.running_var.data<float>()[c];
    old_mean = static_cast<float>((1.0 - rate) * old_mean + rate * mean);
    old_var = static_cast<float>((1.0 - rate) * old_var + rate * m2 / static_cast<double>(count - 1));
  }
}

void CpuOps::execute(BatchNormForward& op) { update_norm(op.moments, op.count, op.update); }

void CpuOps::execute(BatchNormFrozen& op) {
  for (int64_t c = 0; c < op.gamma.size(); ++c)
    fold(op.running_mean.data<float>()[c], op.running_var.data<float>()[c], op.eps, op.gamma.data<float>()[c], op.beta.data<float>()[c], c,
         op.norm);
}

void CpuOps::execute(BatchNormSums& op) {
  if (!op.sum_du && !op.sum_du_xhat) return;
  const RowParts parts(op.x.raw);
  const int64_t channels = op.x.raw.c();
  std::vector<double> sums(static_cast<std::size_t>(parts.count() * 2 * channels), 0.0);  // (parts, 2, C)
  parallel_for(threads_, parts.count(), [&](int64_t part) {
    HWY_DYNAMIC_DISPATCH(batch_norm_sum_rows)(op.x, op.stored, parts[part], sums.data() + part * 2 * channels);
  });

  std::vector<double> total(static_cast<std::size_t>(2 * channels), 0.0);  // (2, C)
  for (int64_t part = 0; part < parts.count(); ++part) {
    const double factor = op.sample_scale ? op.sample_scale.data<float>()[parts[part].n] : 1.0;  // a part lies within one sample
    const double* of_part = sums.data() + part * 2 * channels;
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += factor * of_part[i];
  }
  const float* invstd = op.x.norm.invstd.data<float>();
  for (int64_t c = 0; c < channels; ++c) {
    if (op.sum_du) op.sum_du.data<float>()[c] = static_cast<float>(total[static_cast<std::size_t>(c)]);
    if (op.sum_du_xhat) op.sum_du_xhat.data<float>()[c] = static_cast<float>(invstd[c] * total[static_cast<std::size_t>(channels + c)]);
  }
}

void CpuOps::execute(BatchNormSumsGated& op) {
  constexpr int64_t kBlock = 256;  // channels of one part
  const int64_t samples = op.pooled.dim(0), channels = op.pooled.dim(1);
  parallel_for(threads_, (channels + kBlock - 1) / kBlock, [&](int64_t part) {
    const int64_t c0 = part * kBlock, width = std::min(kBlock, channels - c0);
    double du[kBlock] = {}, du_xhat[kBlock] = {};
    for (int64_t n = 0; n < samples; ++n) {
      const int64_t at = n * channels + c0;
      const float *p = op.pooled.data<float>() + at, *s = op.slope.data<float>() + at, *s_xhat = op.slope_xhat.data<float>() + at;
      for (int64_t c = 0; c < width; ++c) {
        du[c] += static_cast<double>(p[c]) * s[c];
        du_xhat[c] += static_cast<double>(p[c]) * s_xhat[c];
      }
      if (!op.gate) continue;
      const float *g = op.gate.data<float>() + at, *dz = op.sum_dz_slope.data<float>() + at,
                  *dz_xhat = op.sum_dz_slope_xhat.data<float>() + at;
      for (int64_t c = 0; c < width; ++c) {
        du[c] += static_cast<double>(g[c]) * dz[c];
        du_xhat[c] += static_cast<double>(g[c]) * dz_xhat[c];
      }
    }
    if (op.sum_du) std::copy_n(du, width, op.sum_du.data<float>() + c0);
    if (op.sum_du_xhat) std::copy_n(du_xhat, width, op.sum_du_xhat.data<float>() + c0);
  });
}

}  // namespace mcnn::cpu
#endif
