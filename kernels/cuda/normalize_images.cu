// The network's input from decoded pixels: y = (pixel/255 - mean)/std, optionally mirrored.  Contract:
// kernels/operations/normalize_images.h. Bandwidth-bound. A block has up to kPixels pixels of a row. It reads their bytes into shared
// memory in their order and writes y in its order, mirrored or not, so that reads and writes are whole vectors. If the width is not a
// multiple of four, rows are not aligned to words, and both reads and writes are of single elements. Next: dense_forward.cu, the stem,
// reads y.
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_memory.cuh"
#include "kernels/cuda/vector_access.cuh"

namespace mcnn::cuda {
namespace {

constexpr int kPixels = 256;

/// y = scale*pixel + shift, per channel.
struct Affine {
  float scale[3], shift[3];
};

struct RowShared {
  alignas(4) uint8_t bytes[3 * kPixels];
};

/// pixels, y (N,H,W,3); flip (N) or null. blockIdx.x: the row, counted over all samples; blockIdx.y: which kPixels of it.
template <class T, int N>
__global__ void normalize_rows(const uint8_t* pixels, const uint8_t* flip, Affine affine, int height, int width, T* y) {
  uint8_t* shared = static_shared<RowShared>().bytes;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * width * 3;
  const int first = static_cast<int>(blockIdx.y) * kPixels, count = 3 * min(kPixels, width - first);
  const bool mirrored = flip && flip[blockIdx.x / height] != 0;
  const int source = 3 * (mirrored ? max(width - first - kPixels, 0) : first);  // the pixels' offset in the row of bytes
  for (int i = static_cast<int>(threadIdx.x) * N; i < count; i += static_cast<int>(blockDim.x) * N)
    store<uint8_t, N>(shared + i, load<uint8_t, N>(pixels + row + source + i));
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x) * N; i < count; i += static_cast<int>(blockDim.x) * N) {
    Floats<N> values;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const int c = (i + j) % 3;
      const float pixel = load<uint8_t, 1>(shared + (mirrored ? count - 3 - (i + j) + 2 * c : i + j))[0];
      const float scale = c == 0 ? affine.scale[0] : c == 1 ? affine.scale[1] : affine.scale[2];  // an index would copy it to local memory
      const float shift = c == 0 ? affine.shift[0] : c == 1 ? affine.shift[1] : affine.shift[2];
      values[j] = fmaf(scale, pixel, shift);
    }
    store<T, N>(y + row + 3 * first + i, values);
  }
}

}  // namespace

void CudaOps::execute(NormalizeImages& op) {
  const Range name(op.kName);
  Affine affine;
  for (int c = 0; c < 3; ++c) {
    affine.scale[c] = static_cast<float>(1.0 / (255.0 * op.std[c]));
    affine.shift[c] = static_cast<float>(-static_cast<double>(op.mean[c]) / op.std[c]);
  }
  const dim3 blocks{static_cast<unsigned>(op.y.n() * op.y.h()), blocks_for(op.y.w(), kPixels)};
  with_storage(op.y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto with = [&](auto kernel, int width) {  // one thread per access: a photo's row is one block wide
      const unsigned threads = std::min(256u, blocks_for(3 * std::min<int64_t>(op.y.w(), kPixels), 32 * width) * 32);
      launch(kernel, {blocks, threads}, stream(), op.pixels.data<uint8_t>(), op.flip.data<uint8_t>(), affine, op.y.h(), op.y.w(),
             op.y.data<T>());
    };
    if (op.y.w() % 4 == 0)
      with(normalize_rows<T, 4>, 4);
    else
      with(normalize_rows<T, 1>, 1);
  });
}

}  // namespace mcnn::cuda
