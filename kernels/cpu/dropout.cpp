// Dropout and drop-path.  Contract: kernels/ops.h; the random numbers: runtime/philox.h.
// Small ((N,C) of the head, (N)): plain code. Element i asks Philox for number i, so neither threads nor their cut matter.
// Next: residual.cpp reads drop-path's scale.
#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/parallel.h"
#include "runtime/philox.h"

namespace mcnn::cpu {
namespace {
float survivor_scale(float drop) { return static_cast<float>(1.0 / (1.0 - drop)); }
}  // namespace

void CpuOps::drop_path_scale(uint32_t stream, float drop, Tensor& scale) {
  const Philox random{state_.seed, stream, state_.step};
  for (int64_t n = 0; n < scale.size(); ++n)
    scale.data<float>()[n] = random.uniform(static_cast<uint64_t>(n)) >= drop ? survivor_scale(drop) : 0.0f;
}

void CpuOps::dropout(const Tensor& x, uint32_t stream, float drop, Tensor& y) {
  constexpr int64_t kChunk = 4096;  // some 0.1 ms of Philox
  const Philox random{state_.seed, stream, state_.step};
  const float scale = survivor_scale(drop), *in = x.data<float>();
  float* out = y.data<float>();
  parallel_for(threads_, (x.size() + kChunk - 1) / kChunk, [&](int64_t part) {
    for (int64_t i = part * kChunk; i < std::min(x.size(), (part + 1) * kChunk); ++i)
      out[i] = random.uniform(static_cast<uint64_t>(i)) >= drop ? in[i] * scale : 0.0f;
  });
}

}  // namespace mcnn::cpu
