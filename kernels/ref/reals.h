// A tensor of any storage type as doubles: loaded whole, computed with, stored whole.
// Next: feature.h in this folder reads features and gradients with it.
#pragma once
#include <vector>

#include "runtime/tensor.h"

namespace mcnn::ref {

using Reals = std::vector<double>;

Reals load(const Tensor& x);
/// An absent tensor is `count` times the value that drops out of the formula.
Reals load_or(const Tensor& x, int64_t count, double absent);
/// Rounds to the storage type; an absent tensor is not wanted.
void store(const Reals& values, Tensor& x);

inline Reals zeros(int64_t count) { return Reals(static_cast<std::size_t>(count), 0.0); }

}  // namespace mcnn::ref
