// Squeeze-excite: gate = function(act(s*w1 + b1)*w2 + b2), and its backward.  Contract and formulas: kernels/operations/squeeze_excite.h.
// Small matrix products (N = 32, C to 2688, R to 112) by products/small_product-inl.h.
//   forward    parts of four samples
//   backward   (1) by blocks of channels: dt, and both weights transposed   (2) by four samples: dh
//              (3) by blocks of channels: dw1, dw2, db2, pooled             no sum crosses two parts
// Next: pool.cpp makes s; batch_norm.cpp combines `pooled` with the sums over H,W.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/squeeze_excite.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/rounding.h"
#include "kernels/cpu/cuts/scratch.h"
#include "kernels/cpu/products/small_product-inl.h"
#include "kernels/cpu/simd/activations-inl.h"

#ifndef MCNN_CPU_SQUEEZE_EXCITE_ONCE
#define MCNN_CPU_SQUEEZE_EXCITE_ONCE
namespace mcnn::cpu {
namespace {

constexpr int64_t kChannels = 64;  // of one part

struct GateBackward {
  int64_t samples, channels, squeezed, pixels;          // N, C, R, H*W
  const float *s, *w1, *w2, *hidden, *gate, *sum_dz_a;  // as in the contract
  float *dw1, *dw2, *db2, *pooled;                      // null: not requested
  float *dt, *dh, *activated;                           // (N,C), (N,R), (N,R): act(hidden)
  float *w1_transposed, *w2_transposed;                 // (R,C), (C,R)
  Activation act;
  GateFunction function;
};

}  // namespace
}  // namespace mcnn::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

/// function(t), and its derivative from the gate.
template <GateFunction kFunction, class D>
HWY_INLINE hn::Vec<D> open_gate(D d, hn::Vec<D> t) {
  const auto gate = kFunction == GateFunction::sigmoid ? sigmoid(d, t) : sixth_of_relu6(d, hn::Add(t, hn::Set(d, 3.0f)));
  return hn::IfThenElse(hn::IsNaN(t), t, gate);
}
template <GateFunction kFunction, class D>
HWY_INLINE hn::Vec<D> slope_of_gate(D d, hn::Vec<D> gate) {
  const auto one = hn::Set(d, 1.0f);
  if constexpr (kFunction == GateFunction::sigmoid) return hn::Mul(gate, hn::Sub(one, gate));  // not g - g*g, which cancels near 1
  return hn::IfThenElseZero(hn::And(hn::Gt(gate, hn::Zero(d)), hn::Lt(gate, one)), hn::Set(d, 1.0f / 6));
}

template <class Work>
HWY_INLINE void with_inner_activation(Activation act, const Work& work) {
  if (act == Activation::swish) {
    work(std::integral_constant<Activation, Activation::swish>());
  } else {
    work(std::integral_constant<Activation, Activation::relu>());
  }
}
template <class Work>
HWY_INLINE void with_function(GateFunction function, const Work& work) {
  if (function == GateFunction::sigmoid) {
    work(std::integral_constant<GateFunction, GateFunction::sigmoid>());
  } else {
    work(std::integral_constant<GateFunction, GateFunction::hard_sigmoid>());
  }
}

/// Rows `samples` of hidden and gate from the same rows of s; their act(hidden) goes to `activated`, (samples,R).
template <Activation kAct, GateFunction kFunction>
void open_gates(const float* s, const float* w1, const float* b1, const float* w2, const float* b2, int64_t samples, int64_t channels,
                int64_t squeezed, float* activated, float* hidden, float* gate) {
  multiply({s, channels, 1}, w1, squeezed, samples, channels, squeezed, hidden, squeezed);
  for (int64_t n = 0; n < samples; ++n)
    for_lanes(squeezed, [&](auto d, int64_t r) HWY_ATTR {
      const auto h = hn::Add(hn::LoadU(d, hidden + n * squeezed + r), hn::LoadU(d, b1 + r));
      hn::StoreU(h, d, hidden + n * squeezed + r);
      hn::StoreU(activate<kAct>(d, h), d, activated + n * squeezed + r);
    });
  multiply({activated, squeezed, 1}, w2, channels, samples, squeezed, channels, gate, channels);
  for (int64_t n = 0; n < samples; ++n)
    for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
      float* g = gate + n * channels + c;
      hn::StoreU(open_gate<kFunction>(d, hn::Add(hn::LoadU(d, g), hn::LoadU(d, b2 + c))), d, g);
    });
}
void gate_samples(SqueezeExciteForward& op, int64_t n, int64_t samples, float* activated) {
  const int64_t channels = op.s.dim(1), squeezed = op.b1.size();
  with_inner_activation(op.act, [&](auto act) HWY_ATTR {
    with_function(op.function, [&](auto function) HWY_ATTR {
      open_gates<act(), function()>(op.s.data<float>() + n * channels, op.w1.data<float>(), op.b1.data<float>(), op.w2.data<float>(),
                                    op.b2.data<float>(), samples, channels, squeezed, activated, op.hidden.data<float>() + n * squeezed,
                                    op.gate.data<float>() + n * channels);
    });
  });
}

/// (1) dt = dg*function'(t) and the transposed weights, channels [c0, c0 + width).
void prepare_channels(const GateBackward& x, int64_t c0, int64_t width) {
  with_function(x.function, [&](auto function) HWY_ATTR {
    for (int64_t n = 0; n < x.samples; ++n)
      for_lanes(width, [&](auto d, int64_t c) HWY_ATTR {
        const int64_t at = n * x.channels + c0 + c;
        hn::StoreU(hn::Mul(hn::LoadU(d, x.sum_dz_a + at), slope_of_gate<function()>(d, hn::LoadU(d, x.gate + at))), d, x.dt + at);
      });
  });
  for (int64_t c = c0; c < c0 + width; ++c)
    for (int64_t r = 0; r < x.squeezed; ++r) x.w1_transposed[r * x.channels + c] = x.w1[c * x.squeezed + r];
  for (int64_t r = 0; r < x.squeezed; ++r)
    for (int64_t c = c0; c < c0 + width; ++c) x.w2_transposed[c * x.squeezed + r] = x.w2[r * x.channels + c];
}

/// (2) dh = (dt w2^T)*act'(hidden) and act(hidden), samples [n0, n0 + samples).
void hidden_gradient(const GateBackward& x, int64_t n0, int64_t samples) {
  multiply({x.dt + n0 * x.channels, x.channels, 1}, x.w2_transposed, x.squeezed, samples, x.channels, x.squeezed, x.dh + n0 * x.squeezed,
           x.squeezed);
  with_inner_activation(x.act, [&](auto act) HWY_ATTR {
    for_lanes(samples * x.squeezed, [&](auto d, int64_t i) HWY_ATTR {
      const int64_t at = n0 * x.squeezed + i;
      hn::Vec<decltype(d)> a, slope;
      activate_with_slope<act()>(d, hn::LoadU(d, x.hidden + at), a, slope);
      hn::StoreU(a, d, x.activated + at);
      hn::StoreU(hn::Mul(hn::LoadU(d, x.dh + at), slope), d, x.dh + at);
    });
  });
}

/// (3) What is summed over samples or R, channels [c0, c0 + width).
void finish_channels(const GateBackward& x, int64_t c0, int64_t width) {
  if (x.dw2) multiply({x.activated, 1, x.squeezed}, x.dt + c0, x.channels, x.squeezed, x.samples, width, x.dw2 + c0, x.channels);
  if (x.dw1) multiply({x.s + c0, 1, x.channels}, x.dh, x.squeezed, width, x.samples, x.squeezed, x.dw1 + c0 * x.squeezed, x.squeezed);
  if (x.pooled) {
    multiply({x.dh, x.squeezed, 1}, x.w1_transposed + c0, x.channels, x.samples, x.squeezed, width, x.pooled + c0, x.channels);
    const float per_pixel = static_cast<float>(1.0 / static_cast<double>(x.pixels));
    for (int64_t n = 0; n < x.samples; ++n)
      for_lanes(width, [&](auto d, int64_t c) HWY_ATTR {
        float* p = x.pooled + n * x.channels + c0 + c;
        hn::StoreU(hn::Mul(hn::LoadU(d, p), hn::Set(d, per_pixel)), d, p);
      });
  }
  for (int64_t c = c0; x.db2 && c < c0 + width; ++c) {
    double sum = 0;
    for (int64_t n = 0; n < x.samples; ++n) sum += x.dt[n * x.channels + c];
    x.db2[c] = static_cast<float>(sum);
  }
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(gate_samples);
HWY_EXPORT(prepare_channels);
HWY_EXPORT(hidden_gradient);
HWY_EXPORT(finish_channels);

void CpuOps::execute(SqueezeExciteForward& op) {
  const int64_t samples = op.s.dim(0);
  parallel_for(threads_, ceil_div(samples, kSmallProductRows), [&](int64_t part) {
    const int64_t n = part * kSmallProductRows;
    float* activated = thread_scratch().floats(static_cast<std::size_t>(kSmallProductRows * op.b1.size()));
    HWY_DYNAMIC_DISPATCH(gate_samples)(op, n, std::min(kSmallProductRows, samples - n), activated);
  });
}

void CpuOps::execute(SqueezeExciteBackward& op) {
  const int64_t samples = op.s.dim(0), channels = op.s.dim(1), squeezed = op.hidden.dim(1);
  GateBackward x{};
  x.samples = samples, x.channels = channels, x.squeezed = squeezed, x.pixels = op.pixels;
  x.s = op.s.data<float>(), x.w1 = op.w1.data<float>(), x.w2 = op.w2.data<float>();
  x.hidden = op.hidden.data<float>(), x.gate = op.gate.data<float>(), x.sum_dz_a = op.sum_dz_a.data<float>();
  x.dw1 = op.dw1.data<float>(), x.dw2 = op.dw2.data<float>(), x.db2 = op.db2.data<float>(), x.pooled = op.pooled.data<float>();
  x.act = op.act, x.function = op.function;
  // The parts below use no scratch of their own, so the calling thread's holds for the whole call.
  float* memory = thread_scratch().floats(static_cast<std::size_t>(samples * channels + 2 * samples * squeezed + 2 * channels * squeezed));
  x.dt = memory;
  x.dh = x.dt + samples * channels;
  x.activated = x.dh + samples * squeezed;
  x.w1_transposed = x.activated + samples * squeezed;
  x.w2_transposed = x.w1_transposed + channels * squeezed;

  const int64_t channel_parts = ceil_div(channels, kChannels);
  parallel_for(threads_, channel_parts, [&](int64_t part) {
    HWY_DYNAMIC_DISPATCH(prepare_channels)(x, part * kChannels, std::min(kChannels, channels - part * kChannels));
  });
  parallel_for(threads_, ceil_div(samples, kSmallProductRows), [&](int64_t part) {
    HWY_DYNAMIC_DISPATCH(hidden_gradient)(x, part * kSmallProductRows, std::min(kSmallProductRows, samples - part * kSmallProductRows));
  });
  parallel_for(threads_, channel_parts, [&](int64_t part) {
    HWY_DYNAMIC_DISPATCH(finish_channels)(x, part * kChannels, std::min(kChannels, channels - part * kChannels));
  });
  for (int64_t r = 0; op.db1 && r < squeezed; ++r) {
    double sum = 0;
    for (int64_t n = 0; n < samples; ++n) sum += x.dh[n * squeezed + r];
    op.db1.data<float>()[r] = static_cast<float>(sum);
  }
}

}  // namespace mcnn::cpu
#endif
