// Dropout and drop-path.  Contract: kernels/operations/dropout.h; the random numbers: runtime/philox.h.
// Small ((N,C) of the head, (N)): plain code. Element i asks Philox for number i, so neither threads nor their cut matter.
// Next: residual.cpp reads drop-path's scale.
#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "runtime/philox.h"

namespace mcnn::cpu {
namespace {
float survivor_scale(float drop) { return static_cast<float>(1.0 / (1.0 - drop)); }
}  // namespace

void CpuOps::execute(DropPathScale& op) {
  const Philox random{state_.seed, op.stream, state_.step};
  for (int64_t n = 0; n < op.scale.size(); ++n)
    op.scale.data<float>()[n] = random.uniform(static_cast<uint64_t>(n)) >= op.drop ? survivor_scale(op.drop) : 0.0f;
}

void CpuOps::execute(Dropout& op) {
  constexpr int64_t kChunk = 4096;  // some 0.1 ms of Philox
  const Philox random{state_.seed, op.stream, state_.step};
  const float scale = survivor_scale(op.drop), *in = op.x.data<float>(), *u = op.u.data<float>();
  float* out = op.y.data<float>();
  const auto value = [&](int64_t i) {
    if (op.act == Activation::identity) return in[i];
    return u ? in[i] * activation_slope(op.act, u[i]) : activate(op.act, in[i]);
  };
  parallel_for(threads_, (op.x.size() + kChunk - 1) / kChunk, [&](int64_t part) {
    for (int64_t i = part * kChunk; i < std::min(op.x.size(), (part + 1) * kChunk); ++i)
      out[i] = random.uniform(static_cast<uint64_t>(i)) >= op.drop ? value(i) * scale : 0.0f;
  });
}

}  // namespace mcnn::cpu
