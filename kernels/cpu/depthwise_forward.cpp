// Depthwise convolution, forward.  Contract and formula: kernels/operations/depthwise.h; backward: depthwise_backward.cpp.
// Bandwidth-bound: each row of x is read once and transformed once, into a ring of k rows. One vector of channels goes
// along a row at a time, so that its ring and weights are in L1; each output row is formed seven columns at a time in
// registers, its moments taken before it is stored. Channels lie C apart in memory, which hardware prefetches badly or not
// at all: software does, one row ahead. (Forward of B4@224, one Zen 5 core: 0.21 s pixel by pixel, 0.11 s so. Training of B4@224 on two
// Genoa cores: 14.7 images/s, 13.6 without the prefetching here, in depthwise_backward.cpp and in pool.cpp.)
// Next: batch_norm.cpp finishes the statistics.
#include <hwy/cache_control.h>

#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/channel_blocks.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/row_ring.h"
#include "kernels/cpu/cuts/scratch.h"
#include "kernels/cpu/storage.h"
#include "kernels/cpu/writers/moments.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/depthwise_forward.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the readers must come after foreach_target
#include "kernels/cpu/readers/feature_reader-inl.h"
// clang-format on

#ifndef MCNN_CPU_DEPTHWISE_FORWARD_ONCE_
#define MCNN_CPU_DEPTHWISE_FORWARD_ONCE_
namespace mcnn::cpu {

struct ForwardCall {
  const Feature& x;
  const Tensor& w;
  const ConvGeometry& g;
  Tensor& y;
  PartialMoments* moments;  // one set per sample, or null: not requested
};

}  // namespace mcnn::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

// 7 divides every width of an EfficientNet at 224; 7 accumulators and 5 weights leave AVX2's 16 registers room to load.
constexpr int64_t kColumns = 7;
constexpr int64_t kRingBytes = 128 * 1024;  // stays in L2 with room for what streams through
constexpr int64_t kParts = 16;              // at least, where channels allow it: batch 1 on several cores

/// z of one row of x into the ring, one vector of channels; what is read a row later lies `ahead` elements on.
template <Activation kAct, class T, class D>
HWY_INLINE void transform_row(D d, const T* x, const FeatureReader<D>& reader, int64_t width, int64_t channels, int64_t ahead, float* out) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  for (int64_t w = 0; w < width; ++w, x += channels, out += lanes) {
    hwy::Prefetch(x + ahead);
    hn::Store(reader.template z<kAct>(load(d, x)), d, out);
  }
}

/// Mean and m2 of one vector of channels over the `count` values seen so far.
struct RunningMoments {
  float* mean;
  float* m2;
  int64_t count;
};

/// One output row of one vector of channels. rows[p]: where column 0's tap q = 0 of kernel row p reads; null outside.
template <int K, int S, class T, class D>
HWY_INLINE void convolve_row(D d, const float* const (&rows)[K], const float* weights, T* y, int64_t width, int64_t channels,
                             const RunningMoments* moments) {
  using V = hn::Vec<D>;
  constexpr int64_t lanes = hn::MaxLanes(D());
  // Sums about the mean so far (at first: about the first value), so that no digits cancel.
  V pivot = hn::Zero(d), sum = hn::Zero(d), squares = hn::Zero(d);
  if (moments) pivot = hn::Load(d, moments->mean);

  for (int64_t j = 0; j < width; j += kColumns) {
    V out[kColumns];
    HWY_UNROLL(16)
    for (int b = 0; b < kColumns; ++b) out[b] = hn::Zero(d);
    for (int p = 0; p < K; ++p) {
      if (!rows[p]) continue;
      const float* row = rows[p] + j * S * lanes;
      V weight[K];
      HWY_UNROLL(16)
      for (int q = 0; q < K; ++q) weight[q] = hn::Load(d, weights + (p * K + q) * lanes);
      HWY_UNROLL(32)
      for (int t = 0; t < (kColumns - 1) * S + K; ++t) {
        const V z = hn::Load(d, row + t * lanes);
        HWY_UNROLL(16)
        for (int q = 0; q < K; ++q) {
          const int b = (t - q) / S;
          if (t >= q && (t - q) % S == 0 && b < kColumns) out[b] = hn::MulAdd(z, weight[q], out[b]);
        }
      }
    }
    HWY_UNROLL(16)
    for (int b = 0; b < kColumns; ++b) hwy::Prefetch(y + (width + j + b) * channels);  // to be written a row later
    const int64_t valid = width - j;
    V off[kColumns];
    if (moments && moments->count == 0 && j == 0) pivot = store_rounded(d, out[0], y);
    HWY_UNROLL(16)
    for (int b = 0; b < kColumns; ++b) {
      off[b] = hn::Zero(d);
      if (b < valid) {
        off[b] = hn::Sub(store_rounded(d, out[b], y + (j + b) * channels), pivot);
      }
    }
    if (moments) {
      V of_block = off[0], squares_of_block = hn::Mul(off[0], off[0]);
      HWY_UNROLL(16)
      for (int b = 1; b < kColumns; ++b) {
        of_block = hn::Add(of_block, off[b]);
        squares_of_block = hn::MulAdd(off[b], off[b], squares_of_block);
      }
      sum = hn::Add(sum, of_block);
      squares = hn::Add(squares, squares_of_block);
    }
  }
  if (!moments) return;
  // This row's mean is pivot + delta, its m2 squares - sum*delta; merged by Chan's formula.
  const auto before = static_cast<float>(moments->count), here = static_cast<float>(width);
  const V delta = hn::Mul(sum, hn::Set(d, 1.0f / here));
  const V m2 = hn::NegMulAdd(sum, delta, squares);
  const float share = here / (before + here);
  hn::Store(hn::MulAdd(delta, hn::Set(d, share), pivot), d, moments->mean);
  hn::Store(hn::Add(hn::Load(d, moments->m2), hn::MulAdd(hn::Mul(delta, delta), hn::Set(d, before * share), m2)), d, moments->m2);
}

template <int K, int S, class T, class D>
void forward_part(D d, const ForwardCall& call, int64_t n, const ChannelBlocks& blocks, ChannelBlock block, int64_t ring_columns) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  const Tensor& x = call.x.raw;
  const int64_t channels = x.c(), height = x.h(), width = x.w(), out_height = call.y.h(), out_width = call.y.w();
  const int64_t vectors = block.vectors();
  float* memory =
      thread_scratch().floats(static_cast<std::size_t>(RowRing::floats(K, vectors, ring_columns, lanes) + vectors * (K * K + 2) * lanes));
  float* weights = memory;                          // (vectors, K*K, lanes)
  float* mean = weights + vectors * K * K * lanes;  // (vectors, lanes), as m2
  float* m2 = mean + vectors * lanes;
  const RowRing ring(m2 + vectors * lanes, K, vectors, ring_columns, lanes, call.g.pad_left, width);

  const float* w = call.w.data<float>();
  for (int64_t v = 0; v < vectors; ++v)
    for (int tap = 0; tap < K * K; ++tap)
      hn::Store(hn::LoadU(d, w + tap * channels + blocks.first_channel(block.begin + v)), d, weights + (v * K * K + tap) * lanes);
  std::fill(mean, mean + 2 * vectors * lanes, 0.0f);

  const T* image = x.data<T>() + n * height * width * channels;
  T* out = call.y.data<T>() + n * out_height * out_width * channels;
  const FeatureSample sample = feature_sample(call.x, n);
  int64_t next = 0;  // the row of x to transform next
  for (int64_t i = 0; i < out_height; ++i, out += out_width * channels) {
    const int64_t top = i * S - call.g.pad_top;
    const int64_t begin = std::max(next, top), end = std::min(top + K, height);
    next = std::max(begin, end);
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t c = blocks.first_channel(block.begin + v);
      for (int64_t r = begin; r < end; ++r) {
        with_activation(call.x.act, [&](auto act) HWY_ATTR {
          transform_row<act()>(d, image + r * width * channels + c, FeatureReader(d, sample, c), width, channels, S * width * channels,
                               ring.row(r, v));
        });
      }
      const float* rows[K];
      for (int p = 0; p < K; ++p) {
        const bool inside = top + p >= 0 && top + p < height;
        rows[p] = inside ? ring.row(top + p, v) - call.g.pad_left * lanes : nullptr;
      }
      const RunningMoments moments{mean + v * lanes, m2 + v * lanes, i * out_width};
      convolve_row<K, S>(d, rows, weights + v * K * K * lanes, out + c, out_width, channels, call.moments ? &moments : nullptr);
    }
  }
  if (!call.moments) return;
  for (int64_t v = 0; v < vectors; ++v) {
    const int64_t c = blocks.first_channel(block.begin + v);
    hn::StoreU(hn::Load(d, mean + v * lanes), d, call.moments->mean(n) + c);
    hn::StoreU(hn::Load(d, m2 + v * lanes), d, call.moments->m2(n) + c);
  }
}

template <int K, int S, class T, class D>
void forward_parts(D d, int threads, const ForwardCall& call) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  const int64_t samples = call.y.n(), blocks_of_columns = ceil_div(call.y.w(), kColumns);
  const int64_t read = (blocks_of_columns * kColumns - 1) * S + K;  // columns that taps reach, from the left padding on
  const int64_t columns = std::max(call.g.pad_left + call.x.raw.w(), read);
  const int64_t bytes_per_vector = RowRing::floats(K, 1, columns, lanes) * 4;
  const ChannelBlocks blocks(call.x.raw.c(), lanes, kRingBytes / bytes_per_vector, ceil_div(kParts, samples));
  parallel_for(threads, samples * blocks.count(), [&](int64_t part) {
    forward_part<K, S, T>(d, call, part / blocks.count(), blocks, blocks.block(part % blocks.count()), columns);
  });
}

template <class T, class D>
void forward_any_kernel(D d, int threads, const ForwardCall& call) {
  switch (call.g.kernel * 10 + call.g.stride) {
    case 31: return forward_parts<3, 1, T>(d, threads, call);
    case 32: return forward_parts<3, 2, T>(d, threads, call);
    case 51: return forward_parts<5, 1, T>(d, threads, call);
    case 52: return forward_parts<5, 2, T>(d, threads, call);
    default: fail<ShapeError>("depthwise_forward: kernel {} with stride {}, expected 3 or 5 with 1 or 2", call.g.kernel, call.g.stride);
  }
}

void depthwise_forward(int threads, const ForwardCall& call) {
  with_storage(call.y.dtype(), [&](auto t) {
    const Wide wide;
    if (call.y.c() >= static_cast<int64_t>(hn::Lanes(wide))) return forward_any_kernel<decltype(t)>(wide, threads, call);
    forward_any_kernel<decltype(t)>(One(), threads, call);
  });
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {

HWY_EXPORT(depthwise_forward);

void CpuOps::execute(DepthwiseForward& op) {
  if (!op.moments.requested()) return HWY_DYNAMIC_DISPATCH(depthwise_forward)(threads_, {op.x, op.w, op.geometry, op.y, nullptr});
  PartialMoments partial(op.y.n(), op.y.c());
  for (int64_t n = 0; n < op.y.n(); ++n) partial.set_count(n, op.y.h() * op.y.w());
  HWY_DYNAMIC_DISPATCH(depthwise_forward)(threads_, {op.x, op.w, op.geometry, op.y, &partial});
  partial.merge_into(op.moments);
  update_norm(op.moments, op.y.rows(), op.norm);
}

}  // namespace mcnn::cpu
#endif
