// Weights as products read them: of the feature maps' storage type, so that tensor cores multiply them and asynchronous copies
// move them. Small next to the maps, made once per call.
#pragma once
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {

/// (taps, I, O) fp32 to (I, taps, O) of T.
template <class T>
__global__ void store_weights(const float* w, T* out, int taps, int in, int outputs) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= static_cast<int64_t>(taps) * in * outputs) return;
  const int64_t row = at / outputs, tap = row % taps, i = row / taps;
  store<T, 1>(out + at, load<float, 1>(w + (tap * in + i) * outputs + at % outputs));
}

/// Floats of scratch memory that stored_weights takes; the rest stays aligned for 128-bit accesses.
inline int64_t stored_weight_floats(const Tensor& w) { return (w.size() + 3) / 4 * 4; }

/// w (I,O), or (k,k,I,O) as it lies, of type T: itself where that is fp32, else made in `scratch`.
template <class T>
const T* stored_weights(const Tensor& w, float* scratch, cudaStream_t stream) {
  if constexpr (std::is_same_v<T, float>) {
    return w.data<float>();
  } else {
    T* const out = reinterpret_cast<T*>(scratch);
    launch(store_weights<T>, {blocks_for(w.size(), 256), 256}, stream, w.data<float>(), out, 1, 1, static_cast<int>(w.size()));
    return out;
  }
}
/// w (k,k,I,O) as (I,k,k,O) of type T, in `scratch`.
template <class T>
const T* input_first_weights(const Tensor& w, float* scratch, cudaStream_t stream) {
  T* const out = reinterpret_cast<T*>(scratch);
  launch(store_weights<T>, {blocks_for(w.size(), 256), 256}, stream, w.data<float>(), out, static_cast<int>(w.dim(0) * w.dim(1)),
         static_cast<int>(w.dim(2)), static_cast<int>(w.dim(3)));
  return out;
}

}  // namespace mcnn::cuda
