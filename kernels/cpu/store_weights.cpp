// Weights in the storage type.  Contract: kernels/operations/store_weights.h. Features are fp32 here, and so are the copies.
#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/ranges.h"

namespace mcnn::cpu {

void CpuOps::execute(StoreWeights& op) {
  const float* const values = op.values.data<float>();
  float* const stored = op.stored.data<float>();
  for_pieces(threads_, op.values.size(),
             [&](int64_t, int64_t first, int64_t count) { std::copy_n(values + first, count, stored + first); });
}

}  // namespace mcnn::cpu
