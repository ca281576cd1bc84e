// From decoded pixels to the network's input: y = (pixel/255 - mean)/std, mirrored where `flip` is set.  Contract:
// kernels/operations/normalize_images.h. A channel of a pixel has 256 values: a table of 3x256, made in double, is exact to the last bit
// and as fast as memory. Next: dense.cpp, the stem, reads y.
#include <algorithm>
#include <array>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/storage.h"

namespace mcnn::cpu {

namespace {

template <class T>
void normalize(const NormalizeImages& op, int threads, T* out) {
  constexpr int64_t kRows = 16;  // of one part
  std::array<std::array<T, 256>, 3> table;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t value = 0; value < 256; ++value) {
      table[c][value] = static_cast<T>(static_cast<float>((static_cast<double>(value) / 255.0 - op.mean[c]) / op.std[c]));
    }
  }
  const int64_t height = op.pixels.h(), width = op.pixels.w(), per_sample = (height + kRows - 1) / kRows;
  const uint8_t* in = op.pixels.data<uint8_t>();
  parallel_for(threads, op.pixels.n() * per_sample, [&](int64_t part) {
    const int64_t n = part / per_sample, first = part % per_sample * kRows;
    const bool mirrored = op.flip && op.flip.data<uint8_t>()[n] != 0;
    for (int64_t h = first; h < std::min(first + kRows, height); ++h) {
      const uint8_t* from = in + (n * height + h) * width * 3;
      T* to = out + (n * height + h) * width * 3;
      for (int64_t w = 0; w < width; ++w) {
        const uint8_t* pixel = from + 3 * (mirrored ? width - 1 - w : w);
        for (std::size_t c = 0; c < 3; ++c) to[3 * w + static_cast<int64_t>(c)] = table[c][pixel[c]];
      }
    }
  });
}

}  // namespace

void CpuOps::execute(NormalizeImages& op) {
  with_storage(op.y.dtype(), [&](auto t) { normalize(op, threads_, op.y.data<decltype(t)>()); });
}

}  // namespace mcnn::cpu
