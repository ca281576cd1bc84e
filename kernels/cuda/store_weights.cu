// Weights in the storage type: bandwidth-bound, two bytes written for four read.  Contract: kernels/operations/store_weights.h.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/flat_range.cuh"

namespace mcnn::cuda {
namespace {

template <class T>
__global__ void store_range(FlatRange range, const float* values, T* stored) {
  range.for_each_element([&](auto width, int64_t i) {
    constexpr int kWidth = decltype(width)::value;
    store<T, kWidth>(stored + i, load<float, kWidth>(values + i));
  });
}

}  // namespace

void CudaOps::execute(StoreWeights& op) {
  const Range name(op.kName);
  const FlatRange range = FlatRange::of(op.values, op.stored);
  with_storage(op.stored.dtype(), [&](auto zero) {
    using T = decltype(zero);
    launch(store_range<T>, range.grid(), stream(), range, op.values.data<float>(), op.stored.data<T>());
  });
}

/// Not called: products read weights as they are.
void CudaOps::execute(PackWeights&) { fail("cuda does not pack weights"); }

}  // namespace mcnn::cuda
