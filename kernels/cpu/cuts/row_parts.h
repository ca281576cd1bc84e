// Cuts a feature map (N,H,W,C) into runs of rows for parallel_for, by shape alone: about 64 thousand elements each (two
// such runs stay in a core's second-level cache), none across two samples.
#pragma once
#include <algorithm>
#include <cstdint>

#include "runtime/tensor.h"

namespace mcnn::cpu {

struct RowPart {
  int64_t n;      ///< the sample
  int64_t first;  ///< first row, counted over the whole map
  int64_t rows;
};

class RowParts {
 public:
  explicit RowParts(const Tensor& x)
      : samples_(x.n()),
        pixels_(x.h() * x.w()),
        rows_(std::max<int64_t>(1, 65536 / std::max<int64_t>(1, x.c()))),
        per_sample_((pixels_ + rows_ - 1) / rows_) {}
  int64_t count() const { return samples_ * per_sample_; }
  RowPart operator[](int64_t part) const {
    const int64_t n = part / per_sample_, first = part % per_sample_ * rows_;
    return {n, n * pixels_ + first, std::min(rows_, pixels_ - first)};
  }

 private:
  int64_t samples_, pixels_, rows_, per_sample_;
};

}  // namespace mcnn::cpu
