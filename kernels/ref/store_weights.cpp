// Contract and formula: kernels/operations/store_weights.h.
#include "kernels/ref/reals.h"
#include "kernels/ref/ref_ops.h"

namespace mcnn::ref {

/// Not called: the reference does not pack.
void RefOps::execute(PackWeights&) { fail("ref does not pack weights"); }
void RefOps::execute(StoreWeights& op) { store(load(op.values), op.stored); }

}  // namespace mcnn::ref
