// Weights in the storage type.  Contract: kernels/operations/store_weights.h.
#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/ranges.h"
#include "kernels/cpu/storage.h"

namespace mcnn::cpu {

void CpuOps::execute(StoreWeights& op) {
  const float* const values = op.values.data<float>();
  with_storage(op.stored.dtype(), [&](auto t) {
    using T = decltype(t);
    T* const stored = op.stored.data<T>();
    for_pieces(threads_, op.values.size(), [&](int64_t, int64_t first, int64_t count) {
      std::transform(values + first, values + first + count, stored + first, [](float v) { return static_cast<T>(v); });
    });
  });
}

}  // namespace mcnn::cpu
