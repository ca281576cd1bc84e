// Squeeze-excite: gate = function(act(s*w1 + b1)*w2 + b2), and its backward.  Contract and formulas: kernels/operations/squeeze_excite.h.
// Small matrix products by small_product.cuh. Their operands are computed on read, so that forward and backward are two launches each:
//   forward    (1) parts of s*w1 along C      (2) gate; hidden, the sum of the parts, is computed on read
//   backward   (1) parts of dt*w2^T along C   (2) dw2 and db2, dw1 and db1, pooled; dh, the sum of the parts, is computed on read
// Next: pool.cu computes s; batch_norm.cu combines `pooled` with the sums over H,W.
#include <type_traits>

#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/small_product.cuh"

namespace mcnn::cuda {
namespace {

/// A product cut along its depth: (count, values).
struct Parts {
  const float* data;
  int count;
  int64_t values;  // of one part: N*R
  __device__ float sum(int64_t at) const {
    float total = load<float, 1>(data + at)[0];
#pragma unroll 4
    for (int part = 1; part < count; ++part) total += load<float, 1>(data + part * values + at)[0];
    return total;
  }
};

/// act(hidden) of sample n, from parts of s*w1. One of the blocks that compute it writes hidden, for backward.
template <Activation kAct>
struct Squeezed {
  static constexpr bool kKMajor = true;
  Parts parts;
  const float* bias;  // (R)
  float* hidden;      // (N,R); null: another block writes it
  int reduced;
  __device__ float operator()(int n, int r) const {
    const int64_t at = static_cast<int64_t>(n) * reduced + r;
    const float h = parts.sum(at) + load<float, 1>(bias + r)[0];
    if (hidden) store<float, 1>(hidden + at, {h});
    return act_of(kAct, h);
  }
};

/// gate_of() and gate_slope() of kernels/operations/squeeze_excite.h.
template <GateFunction kFunction>
__device__ float gate_at(float t) {
  if constexpr (kFunction == GateFunction::sigmoid) return sigmoid(t);
  return t > -3.f ? (t < 3.f ? (t + 3.f) * (1.f / 6) : 1.f) : (t <= -3.f ? 0.f : t);
}
template <GateFunction kFunction>
__device__ float slope_of_gate(float gate) {
  if constexpr (kFunction == GateFunction::sigmoid) return gate * (1.f - gate);  // not g - g*g, which cancels near g = 1
  return gate > 0.f && gate < 1.f ? 1.f / 6 : 0.f;
}

/// dt = dg*function'(t), (N,C); as an operand, its depth is C or N.
template <GateFunction kFunction>
struct GateGradient {
  const float *gate, *dg;
  int channels;
  __device__ float at(int n, int c) const {
    const int64_t nc = static_cast<int64_t>(n) * channels + c;
    const float g = load<float, 1>(gate + nc)[0];
    return load<float, 1>(dg + nc)[0] * slope_of_gate<kFunction>(g);
  }
};
template <GateFunction kFunction>
struct GateGradientOverChannels : GateGradient<kFunction> {
  static constexpr bool kKMajor = true;
  __device__ float operator()(int n, int c) const { return this->at(n, c); }
};
template <GateFunction kFunction>
struct GateGradientOverSamples : GateGradient<kFunction> {
  static constexpr bool kKMajor = false;
  __device__ float operator()(int c, int n) const { return this->at(n, c); }
};

/// dh = (dt w2^T)*act'(hidden), (N,R), from parts of dt*w2^T.
template <Activation kAct>
struct HiddenGradient {
  Parts parts;
  const float* hidden;
  int reduced;
  __device__ float at(int n, int r) const {
    const int64_t i = static_cast<int64_t>(n) * reduced + r;
    return parts.sum(i) * slope_of(kAct, load<float, 1>(hidden + i)[0]);
  }
};
template <Activation kAct>
struct HiddenGradientOverReduced : HiddenGradient<kAct> {
  static constexpr bool kKMajor = true;
  __device__ float operator()(int n, int r) const { return this->at(n, r); }
};
template <Activation kAct>
struct HiddenGradientOverSamples : HiddenGradient<kAct> {
  static constexpr bool kKMajor = false;
  __device__ float operator()(int r, int n) const { return this->at(n, r); }
};
/// act(hidden), (N,R), with depth N.
template <Activation kAct>
struct ActivatedOverSamples {
  static constexpr bool kKMajor = false;
  const float* hidden;
  int reduced;
  __device__ float operator()(int r, int n) const {
    return act_of(kAct, load<float, 1>(hidden + static_cast<int64_t>(n) * reduced + r)[0]);
  }
};

/// A tile of gate (N,C).
template <Activation kAct, GateFunction kFunction>
__global__ void compute_gate(SmallProduct p, Squeezed<kAct> squeezed, const float* w2, const float* b2, float* gate) {
  auto& shared = static_shared<ProductShared>();
  const int tile = static_cast<int>(blockIdx.x);
  if (tile % p.column_tiles() != 0) squeezed.hidden = nullptr;
  multiply_tile(p, tile, 0, p.depth, squeezed, MnMajor{w2, p.columns}, shared, [&](int n, int c, float value) {
    store<float, 1>(gate + static_cast<int64_t>(n) * p.columns + c, {gate_at<kFunction>(value + load<float, 1>(b2 + c)[0])});
  });
}

/// Three products in one launch. The first blocks compute dw2 and db2, the next dw1 and db1, the last pooled.
template <Activation kAct, GateFunction kFunction>
struct BackwardProducts {
  SmallProduct dw2, dw1, pooled;  // (R+1,C) over N, (C+1,R) over N, (N,C) over R
  int dw2_tiles, dw1_tiles;       // 0: not requested
  WeightAndBias out2, out1;
  const float *s, *w1;
  float* pooled_out;  // (N,C)
  float per_pixel;
  GateGradient<kFunction> dt;
  HiddenGradient<kAct> dh;
};
template <Activation kAct, GateFunction kFunction>
__global__ void differentiate_gate(BackwardProducts<kAct, kFunction> x) {
  auto& shared = static_shared<ProductShared>();
  int tile = static_cast<int>(blockIdx.x);
  if (tile < x.dw2_tiles) {
    const WithOnes<ActivatedOverSamples<kAct>> activated{{x.dh.hidden, x.dh.reduced}, x.dh.reduced};
    return multiply_tile(x.dw2, tile, 0, x.dw2.depth, activated, GateGradientOverSamples<kFunction>{x.dt}, shared, x.out2);
  }
  tile -= x.dw2_tiles;
  if (tile < x.dw1_tiles) {
    const WithOnes<MnMajor> s{{x.s, x.dt.channels}, x.dt.channels};
    return multiply_tile(x.dw1, tile, 0, x.dw1.depth, s, HiddenGradientOverSamples<kAct>{x.dh}, shared, x.out1);
  }
  tile -= x.dw1_tiles;
  multiply_tile(x.pooled, tile, 0, x.pooled.depth, HiddenGradientOverReduced<kAct>{x.dh}, KMajor{x.w1, x.dh.reduced}, shared,
                [&](int n, int c, float value) {
                  store<float, 1>(x.pooled_out + static_cast<int64_t>(n) * x.pooled.columns + c, {value * x.per_pixel});
                });
}

/// Calls work(act, function) with both as compile-time constants.
template <class Work>
void with_style(Activation act, GateFunction function, const Work& work) {
  const auto with_function = [&](auto constant_act) {
    if (function == GateFunction::sigmoid)
      work(constant_act, std::integral_constant<GateFunction, GateFunction::sigmoid>());
    else
      work(constant_act, std::integral_constant<GateFunction, GateFunction::hard_sigmoid>());
  };
  if (act == Activation::swish)
    with_function(std::integral_constant<Activation, Activation::swish>());
  else
    with_function(std::integral_constant<Activation, Activation::relu>());
}

}  // namespace

void CudaOps::execute(SqueezeExciteForward& op) {
  const Range name(op.kName);
  const int samples = static_cast<int>(op.s.dim(0)), channels = static_cast<int>(op.s.dim(1)), reduced = static_cast<int>(op.b1.size());
  const SmallProduct squeeze{samples, reduced, channels}, excite{samples, channels, reduced};
  const DepthParts parts(squeeze);
  float* sums = scratch<float>(static_cast<std::size_t>(parts.count * op.hidden.size()));
  launch(multiply_parts<KMajor, MnMajor>, grid_of(squeeze, parts), stream(), squeeze, parts, KMajor{op.s.data<float>(), channels},
         MnMajor{op.w1.data<float>(), reduced}, sums);
  with_style(op.act, op.function, [&](auto act, auto function) {
    const Squeezed<act()> squeezed{{sums, parts.count, op.hidden.size()}, op.b1.data<float>(), op.hidden.data<float>(), reduced};
    launch(compute_gate<act(), function()>, {static_cast<unsigned>(excite.tiles()), kSmallProductThreads}, stream(), excite, squeezed,
           op.w2.data<float>(), op.b2.data<float>(), op.gate.data<float>());
  });
}

void CudaOps::execute(SqueezeExciteBackward& op) {
  const Range name(op.kName);
  const int samples = static_cast<int>(op.s.dim(0)), channels = static_cast<int>(op.s.dim(1)), reduced = static_cast<int>(op.hidden.dim(1));
  const SmallProduct hidden_gradient{samples, reduced, channels};
  const DepthParts parts(hidden_gradient);
  float* sums = scratch<float>(static_cast<std::size_t>(parts.count * op.hidden.size()));
  with_style(op.act, op.function, [&](auto act, auto function) {
    const GateGradient<function()> dt{op.gate.data<float>(), op.sum_dz_a.data<float>(), channels};
    launch(multiply_parts<GateGradientOverChannels<function()>, KMajor>, grid_of(hidden_gradient, parts), stream(), hidden_gradient, parts,
           GateGradientOverChannels<function()>{dt}, KMajor{op.w2.data<float>(), channels}, sums);

    BackwardProducts<act(), function()> x{{reduced + 1, channels, samples},
                                          {channels + 1, reduced, samples},
                                          {samples, channels, reduced},
                                          0,
                                          0,
                                          {op.dw2.data<float>(), op.db2.data<float>(), reduced, channels},
                                          {op.dw1.data<float>(), op.db1.data<float>(), channels, reduced},
                                          op.s.data<float>(),
                                          op.w1.data<float>(),
                                          op.pooled.data<float>(),
                                          static_cast<float>(1.0 / static_cast<double>(op.pixels)),
                                          dt,
                                          {{sums, parts.count, op.hidden.size()}, op.hidden.data<float>(), reduced}};
    if (op.dw2 || op.db2) x.dw2_tiles = x.dw2.tiles();
    if (op.dw1 || op.db1) x.dw1_tiles = x.dw1.tiles();
    const int tiles = x.dw2_tiles + x.dw1_tiles + x.pooled.tiles();
    launch(differentiate_gate<act(), function()>, {static_cast<unsigned>(tiles), kSmallProductThreads}, stream(), x);
  });
}

}  // namespace mcnn::cuda
