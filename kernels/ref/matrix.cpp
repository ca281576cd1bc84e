#include "kernels/ref/matrix.h"

namespace mcnn::ref {

Reals product(const Reals& a, const Reals& b, int64_t rows, int64_t inner, int64_t columns) {
  Reals out = zeros(rows * columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < inner; ++k) {
      const double factor = a.data()[r * inner + k];
      for (int64_t c = 0; c < columns; ++c) out.data()[r * columns + c] += factor * b.data()[k * columns + c];
    }
  return out;
}

Reals product_at_b(const Reals& a, const Reals& b, int64_t inner, int64_t rows, int64_t columns) {
  Reals out = zeros(rows * columns);
  for (int64_t k = 0; k < inner; ++k)
    for (int64_t r = 0; r < rows; ++r) {
      const double factor = a.data()[k * rows + r];
      for (int64_t c = 0; c < columns; ++c) out.data()[r * columns + c] += factor * b.data()[k * columns + c];
    }
  return out;
}

Reals product_a_bt(const Reals& a, const Reals& b, int64_t rows, int64_t inner, int64_t columns) {
  Reals out = zeros(rows * columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t k = 0; k < inner; ++k) out.data()[r * columns + c] += a.data()[r * inner + k] * b.data()[c * inner + k];
  return out;
}

Reals sum_rows(const Reals& a, int64_t rows, int64_t columns) {
  Reals out = zeros(columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) out.data()[c] += a.data()[r * columns + c];
  return out;
}

}  // namespace mcnn::ref
