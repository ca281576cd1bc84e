// Division by a number that is known at launch: a multiplication and a shift.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace mcnn::cuda {

/// Quotients and remainders of 0 <= n < 2^31 by 1 <= d < 2^31. Granlund & Montgomery 1994, section 4: with 2^s >= d,
/// floor(n/d) = (n*(m + 2^32)) >> (32 + s) for m = floor(2^32*(2^s - d)/d) + 1.
class Divisor {
 public:
  explicit Divisor(int divisor) : divisor_(divisor) {
    while ((int64_t{1} << shift_) < divisor) ++shift_;
    const auto d = static_cast<uint64_t>(divisor);
    multiplier_ = static_cast<uint32_t>((((uint64_t{1} << shift_) - d) << 32) / d + 1);
  }
  __host__ __device__ int divide(int n) const {
    const auto u = static_cast<uint32_t>(n);
    return static_cast<int>((static_cast<uint32_t>(static_cast<uint64_t>(u) * multiplier_ >> 32) + u) >> shift_);
  }
  __host__ __device__ int remainder(int n, int quotient) const { return n - quotient * divisor_; }
  __host__ __device__ int value() const { return divisor_; }

 private:
  int divisor_, shift_ = 0;
  uint32_t multiplier_;
};

}  // namespace mcnn::cuda
