// A random permutation that depends only on its seed.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/philox.h"

namespace mcnn {

/// The numbers 0..n-1, shuffled by Fisher-Yates with one random number per step.
inline std::vector<int64_t> permutation(int64_t n, const Philox& random) {
  std::vector<int64_t> order(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  for (std::size_t i = order.size(); i > 1; --i) {
    const std::size_t j = static_cast<std::size_t>(random.bits(i - 1)) * i >> 32;  // uniform in 0..i-1, for i up to 2^32
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

}  // namespace mcnn
