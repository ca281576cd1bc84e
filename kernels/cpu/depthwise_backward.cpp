// Depthwise convolution, backward: both gradients in one visit.  Contract and formulas: kernels/operations/depthwise.h; forward:
// depthwise_forward.cpp. Bandwidth-bound: dy is formed once, row by row, into a ring. For each row of x the k rows of dy
// that it contributed to are there, and each vector of dy loaded serves both dx (times a weight) and dw (times z). x is transformed
// where it is used, sigmoid giving z and act' together, and the writer has its raw values at hand. As in forward, one
// vector of channels goes along a row at a time, and what is read or written a row later is prefetched.
#include <hwy/cache_control.h>

#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/channel_blocks.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/row_ring.h"
#include "kernels/cpu/cuts/scratch.h"
#include "kernels/cpu/storage.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/depthwise_backward.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the readers must come after foreach_target
#include "kernels/cpu/readers/gradient_reader-inl.h"
#include "kernels/cpu/writers/gradient_writer-inl.h"
// clang-format on

#ifndef MCNN_CPU_DEPTHWISE_BACKWARD_ONCE_
#define MCNN_CPU_DEPTHWISE_BACKWARD_ONCE_
#include "kernels/cpu/readers/gradient_coefficients.h"

namespace mcnn::cpu {

struct BackwardCall {
  const Feature& x;
  const Tensor& w;
  const ConvGeometry& g;
  const OutputGradient& dy;
  const GradientCoefficients& coefficients;
  Tensor& dw;  // absent: not requested
  InputGradient& dx;
};

/// Partial dw and the first two sums of every group of samples, (groups, taps + 2, C), added up in the order of the groups.
class PartialGradients {
 public:
  PartialGradients(float* memory, int64_t groups, int64_t taps, int64_t channels)
      : memory_(memory), groups_(groups), rows_(taps + 2), channels_(channels) {}
  static std::size_t floats(int64_t groups, int64_t taps, int64_t channels) {
    return static_cast<std::size_t>(groups * (taps + 2) * channels);
  }
  float* row(int64_t group, int64_t index) const { return memory_ + (group * rows_ + index) * channels_; }
  /// factor (C) or null: 1.
  void add_up(int64_t index, const float* factor, float* out) const {
    for (int64_t c = 0; c < channels_; ++c) {
      double sum = 0;
      for (int64_t group = 0; group < groups_; ++group) sum += row(group, index)[c];
      out[c] = static_cast<float>(factor ? sum * factor[c] : sum);
    }
  }

 private:
  float* memory_;
  int64_t groups_, rows_, channels_;
};

}  // namespace mcnn::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

constexpr int64_t kRingBytes = 128 * 1024;  // stays in L2 with room for what streams through
constexpr int64_t kParts = 16;              // at least, where channels allow it
constexpr int64_t kRun = 256;               // terms added up in one fp32 accumulator before it is emptied into the next
constexpr int64_t kGroupPixels = 512;       // samples share a part, and its partial dw, up to this number of pixels

/// Columns of dx formed at once: 7 divides every width of an EfficientNet at 224; stride 2 needs an even number, so that
/// which taps read which column is known at compile time.
template <int S>
constexpr int kColumns = S == 1 ? 7 : 8;

/// One row of dy into the ring, one vector of channels from c on; what is read a row later lies `ahead` elements on.
template <GradientForm kForm, Activation kAct, class T, class D>
HWY_INLINE void form_gradient_row(D d, const T* stored, const T* raw, const GradientSample& sample, int64_t c, int64_t width,
                                  int64_t channels, int64_t ahead, float* out) {
  using Reader = GradientReader<kForm, D>;
  constexpr int64_t lanes = hn::MaxLanes(D());
  const Reader reader(d, sample, c);
  for (int64_t at = c; at < c + width * channels; at += channels, out += lanes) {
    if (stored) hwy::Prefetch(stored + at + ahead);
    if (Reader::kReadsRaw) hwy::Prefetch(raw + at + ahead);
    const auto stored_value = stored ? load(d, stored + at) : hn::Zero(d);
    hn::Store(reader.template dy<kAct>(stored_value, Reader::kReadsRaw ? load(d, raw + at) : hn::Zero(d)), d, out);
  }
}

/// One row of x, all pointers from its channel 0 on.
template <class T>
struct InputRow {
  const T* x;            // raw
  const T* add;          // null: absent
  T* dx;                 // null: not requested
  FeatureSample sample;  // of x
  const float* mean;     // of x; null: no norm
  Activation act;
  bool needs_dw;
  int64_t width, channels, pad_left;
};

/// One vector of channels of it: pointers from that vector on.
template <int K>
struct Taps {
  const float* dy[K];    // dy[p]: column 0 of the row of dy that x contributes to through kernel row p; null: none
  const float* weights;  // (K*K, lanes)
  float* sums;           // (K*K + kGradientSums, lanes): dw with a in the place of z, and the sums
};

/// One row of dy: dz[b] += dy*w and dw[q] += dy*a[b] over the taps q of columns b. dy points at column t/S.
template <int K, int S, bool kDx, bool kDw, class D>
HWY_INLINE void apply_taps(D d, const float* dy, const float* weights, float* dw, const hn::Vec<D> (&a)[kColumns<S>],
                           hn::Vec<D> (&dz)[kColumns<S>]) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  constexpr int kFirst = -((K - 1) / S), kLast = (kColumns<S> - 1) / S;
  hn::Vec<D> sum[K];
  HWY_UNROLL(16)
  for (int q = 0; q < K; ++q) sum[q] = kDw ? hn::Load(d, dw + q * lanes) : hn::Zero(d);
  HWY_UNROLL(16)
  for (int j = kFirst; j <= kLast; ++j) {
    const auto gradient = hn::Load(d, dy + j * lanes);
    HWY_UNROLL(16)
    for (int q = 0; q < K; ++q) {
      const int b = j * S + q;
      if (b < 0 || b >= kColumns<S>) continue;
      if (kDx) dz[b] = hn::MulAdd(gradient, hn::Load(d, weights + q * lanes), dz[b]);
      if (kDw) sum[q] = hn::MulAdd(gradient, a[b], sum[q]);
    }
  }
  HWY_UNROLL(16)
  for (int q = 0; q < K; ++q) {
    if (kDw) hn::Store(sum[q], d, dw + q * lanes);
  }
}

/// Columns t - pad_left to + kColumns of one row and vector: dx and its sums, and their share of dw. kWhole: all in the image.
template <int K, int S, bool kWhole, class T, class D>
HWY_INLINE void input_columns(D d, const InputRow<T>& row, int64_t c, int64_t t, const Taps<K>& taps, hn::Vec<D> (&sums)[kGradientSums]) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  constexpr int kCount = kColumns<S>;
  const int64_t w = t - row.pad_left;
  const auto inside = [&](int b) { return kWhole || (w + b >= 0 && w + b < row.width); };
  const auto at = [&](int b) { return (kWhole ? w + b : std::clamp<int64_t>(w + b, 0, row.width - 1)) * row.channels + c; };

  hn::Vec<D> a[kCount], slope[kCount], dz[kCount];
  const FeatureReader reader(d, row.sample, c);
  with_activation(row.act, [&](auto act) HWY_ATTR {
    HWY_UNROLL(16)
    for (int b = 0; b < kCount; ++b) reader.template activate_u<act()>(load(d, row.x + at(b)), a[b], slope[b]);
  });
  const int64_t row_on = row.width * row.channels;
  HWY_UNROLL(16)
  for (int b = 0; b < kCount; ++b) {
    hwy::Prefetch(row.x + at(b) + row_on);
    if (row.dx) hwy::Prefetch(row.dx + at(b) + row_on);
    if (row.add) hwy::Prefetch(row.add + at(b) + row_on);
  }
  HWY_UNROLL(16)
  for (int b = 0; b < kCount; ++b) {
    dz[b] = hn::Zero(d);
    if (!inside(b)) a[b] = hn::Zero(d);
  }

  for (int64_t p = 0; p < K; ++p) {
    if (!taps.dy[p]) continue;
    const float *dy = taps.dy[p] + t / S * lanes, *weights = taps.weights + p * K * lanes;
    float* dw = taps.sums + p * K * lanes;
    if (row.dx && row.needs_dw) {
      apply_taps<K, S, true, true>(d, dy, weights, dw, a, dz);
    } else if (row.dx) {
      apply_taps<K, S, true, false>(d, dy, weights, dw, a, dz);
    } else {
      apply_taps<K, S, false, true>(d, dy, weights, dw, a, dz);
    }
  }

  if (!row.dx) return;
  const auto mean = row.mean ? hn::LoadU(d, row.mean + c) : hn::Zero(d);
  HWY_UNROLL(16)
  for (int b = 0; b < kCount; ++b) {
    if (!inside(b)) continue;
    if (row.add) dz[b] = hn::Add(dz[b], load(d, row.add + at(b)));
    const auto centred = hn::Sub(load(d, row.x + at(b)), mean);
    write_gradient(d, row.sample.gate != nullptr, dz[b], a[b], slope[b], centred, row.dx + at(b), false, sums);
  }
}

template <int K, int S, class T, class D>
HWY_INLINE void input_row(D d, const InputRow<T>& row, int64_t c, const Taps<K>& taps) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  hn::Vec<D> sums[kGradientSums];
  float* memory = taps.sums + K * K * lanes;
  for (int i = 0; i < kGradientSums; ++i) sums[i] = hn::Load(d, memory + i * lanes);
  // t = w + pad_left. Blocks start where S divides t; the first and the last may reach outside the image.
  for (int64_t t = row.pad_left - row.pad_left % S; t < row.pad_left + row.width; t += kColumns<S>) {
    if (t >= row.pad_left && t + kColumns<S> <= row.pad_left + row.width) {
      input_columns<K, S, true>(d, row, c, t, taps, sums);
    } else {
      input_columns<K, S, false>(d, row, c, t, taps, sums);
    }
  }
  for (int i = 0; i < kGradientSums; ++i) hn::Store(sums[i], d, memory + i * lanes);
}

/// The sums of a block: short runs in fp32, emptied into totals, so that no accumulator adds up a whole tensor.
/// (vectors, K*K + kGradientSums, lanes) each.
template <int K, class D>
struct BlockGradientSums {
  static constexpr int64_t lanes = hn::MaxLanes(D());
  static constexpr int64_t kRows = K * K + kGradientSums;
  float *run, *total;
  int64_t vectors;

  void clear() const { std::fill(run, run + 2 * vectors * kRows * lanes, 0.0f); }
  /// dw was taken with a: its gate is one number per sample and channel, and comes in here.
  void empty_runs(D d, const float* gate, const ChannelBlocks& blocks, ChannelBlock block) const {
    for (int64_t v = 0; v < vectors; ++v) {
      const auto factor = gate ? hn::LoadU(d, gate + blocks.first_channel(block.begin + v)) : hn::Set(d, 1.0f);
      for (int64_t i = 0; i < kRows; ++i) {
        const int64_t at = (v * kRows + i) * lanes;
        const auto term = hn::Load(d, run + at);
        hn::Store(hn::Add(hn::Load(d, total + at), i < K * K ? hn::Mul(term, factor) : term), d, total + at);
        hn::Store(hn::Zero(d), d, run + at);
      }
    }
  }
  float* row(int64_t v, int64_t i) const { return total + (v * kRows + i) * lanes; }
};

/// With a gate the sums belong to one sample: (N,C) each.
template <int K, class D>
void write_gated_sums(D d, const BackwardCall& call, int64_t n, const ChannelBlocks& blocks, ChannelBlock block,
                      const BlockGradientSums<K, D>& sums) {
  const Norm& norm = call.x.norm;
  Tensor* targets[kGradientSums] = {&call.dx.sum_dz_a, &call.dx.sum_dz_slope, &call.dx.sum_dz_slope_xhat};
  for (int64_t v = 0; v < sums.vectors; ++v) {
    const int64_t c = blocks.first_channel(block.begin + v);
    for (int i = 0; i < kGradientSums; ++i) {
      auto sum = hn::Load(d, sums.row(v, K * K + i));
      hn::Store(hn::Zero(d), d, sums.row(v, K * K + i));
      if (!targets[i]->defined()) continue;
      if (i == 2) sum = hn::Mul(sum, hn::LoadU(d, norm.invstd.data<float>() + c));
      hn::StoreU(sum, d, targets[i]->data<float>() + n * call.x.raw.c() + c);
    }
  }
}

/// The samples of one group, one block of channels.
template <int K, int S, class T, class D>
void backward_part(D d, const BackwardCall& call, int64_t group, int64_t group_size, const ChannelBlocks& blocks, ChannelBlock block,
                   int64_t ring_columns, const PartialGradients& partial) {
  constexpr int64_t lanes = hn::MaxLanes(D()), slots = (K - 1) / S + 1;
  const Tensor &x = call.x.raw, &y = call.dy.of.raw;
  const int64_t channels = x.c(), height = x.h(), width = x.w(), out_height = y.h(), out_width = y.w();
  const int64_t vectors = block.vectors();
  const int64_t sum_floats = vectors * BlockGradientSums<K, D>::kRows * lanes;
  float* memory = thread_scratch().floats(
      static_cast<std::size_t>(RowRing::floats(slots, vectors, ring_columns, lanes) + vectors * K * K * lanes + 2 * sum_floats));
  float* weights = memory;  // (vectors, K*K, lanes)
  const BlockGradientSums<K, D> sums{weights + vectors * K * K * lanes, weights + vectors * K * K * lanes + sum_floats, vectors};
  const RowRing ring(sums.total + sum_floats, slots, vectors, ring_columns, lanes, (K - 1) / S, out_width);
  sums.clear();
  const float* w = call.w.data<float>();
  for (int64_t v = 0; v < vectors; ++v) {
    for (int tap = 0; tap < K * K; ++tap) {
      hn::Store(hn::LoadU(d, w + tap * channels + blocks.first_channel(block.begin + v)), d, weights + (v * K * K + tap) * lanes);
    }
  }

  const int64_t rows_per_run = std::max<int64_t>(1, kRun / width);
  const T *stored = call.dy.stored.data<T>(), *y_raw = y.data<T>(), *add = call.dx.requested() ? call.dx.add.template data<T>() : nullptr;
  T* dx = call.dx.requested() ? call.dx.stored.template data<T>() : nullptr;
  const float* mean = call.x.norm.defined() ? call.x.norm.mean.data<float>() : nullptr;
  for (int64_t n = group * group_size; n < std::min((group + 1) * group_size, x.n()); ++n) {
    const GradientSample gradient = gradient_sample(call.dy, call.coefficients, n);
    const FeatureSample feature = feature_sample(call.x, n);
    int64_t next = 0;  // the row of dy to form next
    for (int64_t h = 0; h < height; ++h) {
      // Kernel row p reads x's row h where i*S = h + pad_top - p, i a row of dy.
      const int64_t reach = h + call.g.pad_top;
      const int64_t begin = std::max(next, (reach - K) / S), end = std::min(reach / S + 1, out_height);
      next = std::max(begin, end);
      const int64_t at = (n * height + h) * width * channels;
      const InputRow<T> row{
          x.data<T>() + at, add ? add + at : nullptr, dx ? dx + at : nullptr, feature, mean, call.x.act, call.dw.defined(), width,
          channels,         call.g.pad_left};
      for (int64_t v = 0; v < vectors; ++v) {
        const int64_t c = blocks.first_channel(block.begin + v);
        for (int64_t i = begin; i < end; ++i) {
          const int64_t from = (n * out_height + i) * out_width * channels;
          with_gradient_form(call.dy, [&](auto form, auto act) HWY_ATTR {
            form_gradient_row<form(), act()>(d, stored ? stored + from : nullptr, y_raw + from, gradient, c, out_width, channels,
                                             out_width * channels, ring.row(i, v));
          });
        }
        Taps<K> taps{{}, weights + v * K * K * lanes, sums.run + v * BlockGradientSums<K, D>::kRows * lanes};
        for (int64_t p = reach % S; p < K; p += S) {
          const int64_t i = (reach - p) / S;
          taps.dy[p] = reach >= p && i < out_height ? ring.row(i, v) : nullptr;
        }
        input_row<K, S>(d, row, c, taps);
      }
      if ((h + 1) % rows_per_run == 0 || h + 1 == height) sums.empty_runs(d, feature.gate, blocks, block);
    }
    if (call.dx.requested() && call.x.gate.defined()) write_gated_sums(d, call, n, blocks, block, sums);
  }
  for (int64_t v = 0; v < vectors; ++v) {
    for (int64_t i = 0; i < K * K + 2; ++i) {
      hn::StoreU(hn::Load(d, sums.row(v, i)), d, partial.row(group, i) + blocks.first_channel(block.begin + v));
    }
  }
}

template <int K, int S, class T, class D>
void backward_parts(D d, int threads, const BackwardCall& call) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  const Tensor& x = call.x.raw;
  const int64_t channels = x.c(), group_size = std::max<int64_t>(1, kGroupPixels / (x.h() * x.w()));
  const int64_t groups = ceil_div(x.n(), group_size);
  const int64_t last_t = call.g.pad_left + x.w() - 1;
  const int64_t reach = (last_t + kColumns<S> - 1) / S + 1;  // columns of dy that taps read, from column 0 on
  const int64_t columns = (K - 1) / S + std::max(call.dy.of.raw.w(), reach);
  const int64_t bytes_per_vector = RowRing::floats((K - 1) / S + 1, 1, columns, lanes) * 4;
  const ChannelBlocks blocks(channels, lanes, kRingBytes / bytes_per_vector, ceil_div(kParts, groups));

  static thread_local Scratch partial_scratch;
  const PartialGradients partial(partial_scratch.floats(PartialGradients::floats(groups, K * K, channels)), groups, K * K, channels);
  parallel_for(threads, groups * blocks.count(), [&](int64_t part) {
    backward_part<K, S, T>(d, call, part / blocks.count(), group_size, blocks, blocks.block(part % blocks.count()), columns, partial);
  });

  // dw's rows, then sum_du, then sum_du_xhat.
  const Norm& norm = call.x.norm;
  float* dw = call.dw.data<float>();
  const bool ungated = call.dx.requested() && !call.x.gate.defined();
  float* sum_du = ungated ? call.dx.sum_du.data<float>() : nullptr;
  float* sum_du_xhat = ungated ? call.dx.sum_du_xhat.data<float>() : nullptr;
  parallel_for(threads, K * K + 2, [&](int64_t i) {
    if (i < K * K) {
      if (dw) partial.add_up(i, nullptr, dw + i * channels);
    } else if (i == K * K) {
      if (sum_du) partial.add_up(i, nullptr, sum_du);
    } else if (sum_du_xhat) {
      partial.add_up(i, norm.invstd.data<float>(), sum_du_xhat);
    }
  });
}

template <class T, class D>
void backward_any_kernel(D d, int threads, const BackwardCall& call) {
  switch (call.g.kernel * 10 + call.g.stride) {
    case 31: return backward_parts<3, 1, T>(d, threads, call);
    case 32: return backward_parts<3, 2, T>(d, threads, call);
    case 51: return backward_parts<5, 1, T>(d, threads, call);
    case 52: return backward_parts<5, 2, T>(d, threads, call);
    default: fail<ShapeError>("depthwise_backward: kernel {} with stride {}, expected 3 or 5 with 1 or 2", call.g.kernel, call.g.stride);
  }
}

void depthwise_backward(int threads, const BackwardCall& call) {
  with_storage(call.x.raw.dtype(), [&](auto t) {
    const Wide wide;
    if (call.x.raw.c() >= static_cast<int64_t>(hn::Lanes(wide))) return backward_any_kernel<decltype(t)>(wide, threads, call);
    backward_any_kernel<decltype(t)>(One(), threads, call);
  });
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {

HWY_EXPORT(depthwise_backward);

void CpuOps::execute(DepthwiseBackward& op) {
  if (!op.dw.defined() && !op.dx.requested()) return;
  const GradientCoefficients coefficients = gradient_coefficients(op.dy);
  HWY_DYNAMIC_DISPATCH(depthwise_backward)(threads_, {op.x, op.w, op.geometry, op.dy, coefficients, op.dw, op.dx});
}

}  // namespace mcnn::cpu
#endif
