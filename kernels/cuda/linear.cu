// A linear layer: y = z w + b, z = act(x), forward and backward.  Contract: kernels/operations/linear.h.
// Small products by small_product.cuh. Forward has a large depth (I up to 2560) and one or two tiles of y: it is cut along I, and a second
// kernel adds the parts. Backward is one launch: dw and db are one product, dx another.
// Next: cross_entropy.cu reads y; squeeze_excite.cu has the other small products.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/small_product.cuh"

namespace mcnn::cuda {
namespace {

/// An operand that is activated on read.
template <class X>
struct Activated {
  static constexpr bool kKMajor = X::kKMajor;
  X x;
  Activation act;
  __device__ float operator()(int other, int k) const { return act_of(act, x(other, k)); }
};

/// y = b + the parts, in their order.
__global__ void add_parts(const float* parts, int count, const float* b, int64_t values, int outputs, float* y) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= values) return;
  float total = load<float, 1>(b + at % outputs)[0];
#pragma unroll 4
  for (int part = 0; part < count; ++part) total += load<float, 1>(parts + part * values + at)[0];
  store<float, 1>(y + at, {total});
}

/// The first dw_tiles blocks compute dw and db, the others dx.  kActivated: act is not the identity.
template <bool kActivated>
__global__ void differentiate_linear(SmallProduct dw, int dw_tiles, SmallProduct dx, const float* x, Activation act, const float* w,
                                     const float* dy, WeightAndBias weight, float input_scale, float* input) {
  auto& shared = static_shared<ProductShared>();
  const int tile = static_cast<int>(blockIdx.x), inputs = weight.inputs, outputs = weight.outputs;
  const MnMajor raw{x, inputs}, gradient{dy, outputs};
  if (tile < dw_tiles) {
    if constexpr (kActivated) {
      const WithOnes<Activated<MnMajor>> z{{raw, act}, inputs};
      multiply_tile(dw, tile, 0, dw.depth, z, gradient, shared, weight);
    } else {
      multiply_tile(dw, tile, 0, dw.depth, WithOnes<MnMajor>{raw, inputs}, gradient, shared, weight);
    }
    return;
  }
  multiply_tile(dx, tile - dw_tiles, 0, dx.depth, KMajor{dy, outputs}, KMajor{w, outputs}, shared, [&](int n, int i, float value) {
    const int64_t at = static_cast<int64_t>(n) * inputs + i;
    if constexpr (kActivated) value *= slope_of(act, load<float, 1>(x + at)[0]);
    store<float, 1>(input + at, {input_scale * value});
  });
}

}  // namespace

void CudaOps::execute(LinearForward& op) {
  const Range name(op.kName);
  const SmallProduct product{static_cast<int>(op.x.dim(0)), static_cast<int>(op.w.dim(1)), static_cast<int>(op.w.dim(0))};
  const DepthParts parts(product);
  float* sums = scratch<float>(static_cast<std::size_t>(parts.count * op.y.size()));
  const KMajor x{op.x.data<float>(), product.depth};
  const MnMajor w{op.w.data<float>(), product.columns};
  if (op.act == Activation::identity)
    launch(multiply_parts<KMajor, MnMajor>, grid_of(product, parts), stream(), product, parts, x, w, sums);
  else
    launch(multiply_parts<Activated<KMajor>, MnMajor>, grid_of(product, parts), stream(), product, parts, Activated<KMajor>{x, op.act}, w,
           sums);
  constexpr unsigned kThreads = 128;
  launch(add_parts, {blocks_for(op.y.size(), kThreads), kThreads}, stream(), sums, parts.count, op.b.data<float>(), op.y.size(),
         op.w.dim(1), op.y.data<float>());
}

void CudaOps::execute(LinearBackward& op) {
  const Range name(op.kName);
  const int samples = static_cast<int>(op.x.dim(0)), inputs = static_cast<int>(op.w.dim(0)), outputs = static_cast<int>(op.w.dim(1));
  const SmallProduct weight{inputs + 1, outputs, samples}, input{samples, inputs, outputs};
  const int weight_tiles = op.dw || op.db ? weight.tiles() : 0, input_tiles = op.dx ? input.tiles() : 0;
  if (weight_tiles + input_tiles == 0) return;
  launch(op.act == Activation::identity ? differentiate_linear<false> : differentiate_linear<true>,
         {static_cast<unsigned>(weight_tiles + input_tiles), kSmallProductThreads}, stream(), weight, weight_tiles, input,
         op.x.data<float>(), op.act, op.w.data<float>(), op.dy.data<float>(),
         WeightAndBias{op.dw.data<float>(), op.db.data<float>(), inputs, outputs}, op.input_scale, op.dx.data<float>());
}

}  // namespace mcnn::cuda
