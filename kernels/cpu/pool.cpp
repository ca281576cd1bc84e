// Spatial mean of the activation, and the sums of act' that its backward needs.  Contract and formulas: kernels/operations/pool.h.
// Bandwidth-bound: one pass over x, a few pixels at a time so that each sum in memory is touched once per group of them.
// Next: squeeze_excite.cpp makes the gate of it, linear.cpp the logits.
#include <hwy/cache_control.h>

#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/channel_blocks.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/scratch.h"
#include "kernels/cpu/storage.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the readers must come after foreach_target
#include "kernels/cpu/readers/feature_reader-inl.h"
// clang-format on

#ifndef MCNN_CPU_POOL_ONCE_
#define MCNN_CPU_POOL_ONCE_
namespace mcnn::cpu {

struct Pool {
  const Feature& x;
  Tensor &mean, &slope, &slope_xhat;
};

}  // namespace mcnn::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {

constexpr int64_t kAhead = 2048;      // elements, prefetched: beyond a page, where the hardware stops
constexpr int kPixels = 4;            // at once
constexpr int64_t kRun = 128;         // pixels added up in one fp32 accumulator before it is emptied into the next
constexpr int64_t kMostVectors = 64;  // of a block: its six sums stay in L1
constexpr int64_t kParts = 16;        // at least, where channels allow it

/// Sums of one sample and block of channels, (vectors, lanes) each: of a, act', act'*(raw - mean).
struct PoolSums {
  float *a, *slope, *centred;
};

/// Adds kCount pixels from x on; kSlopes: all three sums.
template <Activation kAct, bool kSlopes, int kCount, class T, class D>
HWY_INLINE void add_pixels(D d, const T* x, const FeatureSample& sample, const float* mean, int64_t channels, const ChannelBlocks& blocks,
                           ChannelBlock block, const PoolSums& sums) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  for (int64_t v = block.begin; v < block.end; ++v) {
    const int64_t c = blocks.first_channel(v), at = (v - block.begin) * lanes;
    const FeatureReader reader(d, sample, c);
    const auto centre = mean ? hn::LoadU(d, mean + c) : hn::Zero(d);
    auto sum_a = hn::Load(d, sums.a + at), sum_slope = hn::Load(d, sums.slope + at), sum_centred = hn::Load(d, sums.centred + at);
    HWY_UNROLL(16)
    for (int i = 0; i < kCount; ++i) {
      const auto raw = load(d, x + i * channels + c);
      hwy::Prefetch(x + i * channels + c + kAhead);
      if (kSlopes) {
        hn::Vec<D> a, slope;
        reader.template activate_u<kAct>(raw, a, slope);
        sum_a = hn::Add(sum_a, a);
        sum_slope = hn::Add(sum_slope, slope);
        sum_centred = hn::MulAdd(slope, hn::Sub(raw, centre), sum_centred);
      } else {
        sum_a = hn::Add(sum_a, reader.template z<kAct>(raw));
      }
    }
    hn::Store(sum_a, d, sums.a + at);
    if (kSlopes) {
      hn::Store(sum_slope, d, sums.slope + at);
      hn::Store(sum_centred, d, sums.centred + at);
    }
  }
}

template <Activation kAct, bool kSlopes, class T, class D>
void pool_part(D d, const Pool& call, int64_t n, const ChannelBlocks& blocks, ChannelBlock block) {
  constexpr int64_t lanes = hn::MaxLanes(D());
  const Tensor& raw = call.x.raw;
  const int64_t channels = raw.c(), pixels = raw.h() * raw.w(), floats = block.vectors() * lanes;
  float* run = thread_scratch().floats(static_cast<std::size_t>(6 * floats));
  float* total = run + 3 * floats;
  std::fill(run, run + 6 * floats, 0.0f);
  const PoolSums sums{run, run + floats, run + 2 * floats};
  const FeatureSample sample = feature_sample(call.x, n);
  const Norm& norm = call.x.norm;
  const float* mean = norm.defined() ? norm.mean.data<float>() : nullptr;
  const T* x = raw.data<T>() + n * pixels * channels;

  for (int64_t first = 0; first < pixels; first += kRun) {
    const int64_t end = std::min(first + kRun, pixels);
    int64_t pixel = first;
    for (; pixel + kPixels <= end; pixel += kPixels) {
      add_pixels<kAct, kSlopes, kPixels>(d, x + pixel * channels, sample, mean, channels, blocks, block, sums);
    }
    for (; pixel < end; ++pixel) add_pixels<kAct, kSlopes, 1>(d, x + pixel * channels, sample, mean, channels, blocks, block, sums);
    for (int64_t i = 0; i < 3 * floats; ++i) total[i] += run[i];
    std::fill(run, run + 3 * floats, 0.0f);
  }

  for (int64_t v = block.begin; v < block.end; ++v) {
    const int64_t c = blocks.first_channel(v), at = (v - block.begin) * lanes, to = n * channels + c;
    const auto write_sum = [&](Tensor& out, int sum, auto factor) HWY_ATTR {
      if (out.defined()) hn::StoreU(hn::Mul(hn::Load(d, total + sum * floats + at), factor), d, out.data<float>() + to);
    };
    write_sum(call.mean, 0, hn::Set(d, 1.0f / static_cast<float>(pixels)));
    write_sum(call.slope, 1, hn::Set(d, 1.0f));
    write_sum(call.slope_xhat, 2, norm.defined() ? hn::LoadU(d, norm.invstd.data<float>() + c) : hn::Zero(d));
  }
}

template <class T, class D>
void pool_parts(D d, int threads, const Pool& call) {
  const Tensor& raw = call.x.raw;
  const ChannelBlocks blocks(raw.c(), hn::MaxLanes(d), kMostVectors, ceil_div(kParts, raw.n()));
  const bool slopes = call.slope.defined() || call.slope_xhat.defined();
  with_activation(call.x.act, [&](auto act) HWY_ATTR {
    parallel_for(threads, raw.n() * blocks.count(), [&](int64_t part) {
      const int64_t n = part / blocks.count();
      const ChannelBlock block = blocks.block(part % blocks.count());
      if (slopes) {
        pool_part<act(), true, T>(d, call, n, blocks, block);
      } else {
        pool_part<act(), false, T>(d, call, n, blocks, block);
      }
    });
  });
}

void pool_forward(int threads, const Pool& call) {
  with_storage(call.x.raw.dtype(), [&](auto t) {
    const Wide wide;
    if (call.x.raw.c() >= static_cast<int64_t>(hn::Lanes(wide))) return pool_parts<decltype(t)>(wide, threads, call);
    pool_parts<decltype(t)>(One(), threads, call);
  });
}

}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {

HWY_EXPORT(pool_forward);

void CpuOps::execute(PoolForward& op) { HWY_DYNAMIC_DISPATCH(pool_forward)(threads_, {op.x, op.mean, op.slope, op.slope_xhat}); }

}  // namespace mcnn::cpu
#endif
