// Loads and stores whole tensors of any storage type as doubles.
// Next: feature.h in this folder reads features and gradients with it.
#pragma once
#include <vector>

#include "runtime/tensor.h"

namespace mcnn::ref {

using Reals = std::vector<double>;

Reals load(const Tensor& x);
/// If x is absent, `count` times `absent`, the value that has no effect in the formula.
Reals load_or(const Tensor& x, int64_t count, double absent);
/// Rounds to the storage type. Does nothing if x is absent.
void store(const Reals& values, Tensor& x);

inline Reals zeros(int64_t count) { return Reals(static_cast<std::size_t>(count), 0.0); }

}  // namespace mcnn::ref
