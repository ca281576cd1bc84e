// The three products of two row-major matrices that a linear map and its gradients need.
#pragma once
#include "kernels/ref/reals.h"

namespace mcnn::ref {

/// a (rows,inner) * b (inner,columns) -> (rows,columns)
Reals product(const Reals& a, const Reals& b, int64_t rows, int64_t inner, int64_t columns);
/// a^T b:  a (inner,rows), b (inner,columns) -> (rows,columns)
Reals product_at_b(const Reals& a, const Reals& b, int64_t inner, int64_t rows, int64_t columns);
/// a b^T:  a (rows,inner), b (columns,inner) -> (rows,columns)
Reals product_a_bt(const Reals& a, const Reals& b, int64_t rows, int64_t inner, int64_t columns);
/// The sum over the rows of a (rows,columns) -> (columns)
Reals sum_rows(const Reals& a, int64_t rows, int64_t columns);

}  // namespace mcnn::ref
