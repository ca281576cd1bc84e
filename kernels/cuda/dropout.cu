// Dropout and drop-path.  Contract: kernels/operations/dropout.h; the random numbers: runtime/philox.h, the same on every backend.
// A thread computes one block of Philox: the numbers of four neighbouring elements.
// Next: residual.cu reads drop-path's scale.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/feature.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "runtime/philox.h"

namespace mcnn::cuda {
namespace {

constexpr int kNumbers = 4;         // per thread: a block of Philox
constexpr unsigned kThreads = 128;  // per block

float survivor_scale(float drop) { return static_cast<float>(1.0 / (1.0 - drop)); }

/// f of drop_elements.
enum class Read : uint8_t { ones, x, activated, through_act };

/// y[i] = f*scale if element i survives, else 0.  f: 1, x, act(x), or x*act'(u).
template <Read kRead>
__global__ void drop_elements(const float* x, const float* u, Activation act, const StepState* state, uint32_t stream, float drop,
                              float scale, int64_t count, float* y) {
  const int64_t block = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x, first = block * kNumbers;
  if (first >= count) return;
  const bool whole = first + kNumbers <= count;
  const auto read = [&](const float* from) {
    if (whole) return load<float, kNumbers>(from + first);
    Floats<kNumbers> values = {};
#pragma unroll
    for (int i = 0; i < kNumbers; ++i)
      if (first + i < count) values[i] = load<float, 1>(from + first + i)[0];
    return values;
  };
  Floats<kNumbers> values{{1.f, 1.f, 1.f, 1.f}};
  if constexpr (kRead != Read::ones) values = read(x);
  if constexpr (kRead == Read::activated) {
#pragma unroll
    for (int i = 0; i < kNumbers; ++i) values[i] = act_of(act, values[i]);
  }
  if constexpr (kRead == Read::through_act) {
    const Floats<kNumbers> at = read(u);
#pragma unroll
    for (int i = 0; i < kNumbers; ++i) values[i] *= slope_of(act, at[i]);
  }
  const Philox::Block bits = Philox{state->seed, stream, state->step}.block(static_cast<uint64_t>(block));
#pragma unroll
  for (int i = 0; i < kNumbers; ++i) values[i] = Philox::uniform_of(bits[static_cast<std::size_t>(i)]) >= drop ? values[i] * scale : 0.f;
  if (whole) return store<float, kNumbers>(y + first, values);
#pragma unroll
  for (int i = 0; i < kNumbers; ++i)
    if (first + i < count) store<float, 1>(y + first + i, {values[i]});
}

}  // namespace

void CudaOps::execute(DropPathScale& op) {
  const Range name(op.kName);
  launch(drop_elements<Read::ones>, {blocks_for(op.scale.size(), kNumbers * kThreads), kThreads}, stream(), nullptr, nullptr,
         Activation::identity, state_, op.stream, op.drop, survivor_scale(op.drop), op.scale.size(), op.scale.data<float>());
}

void CudaOps::execute(Dropout& op) {
  const Range name(op.kName);
  auto* kernel = drop_elements<Read::x>;
  if (op.act != Activation::identity) kernel = op.u ? drop_elements<Read::through_act> : drop_elements<Read::activated>;
  launch(kernel, {blocks_for(op.x.size(), kNumbers * kThreads), kThreads}, stream(), op.x.data<float>(), op.u.data<float>(), op.act, state_,
         op.stream, op.drop, survivor_scale(op.drop), op.x.size(), op.y.data<float>());
}

}  // namespace mcnn::cuda
