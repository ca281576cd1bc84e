// When two backends agree (runtime/agreement.h), to which tolerance, and to the bit.
#pragma once
#include <string>

#include "tests/cases/case.h"

namespace mcnn::cases {

/// Empty when they agree, else one line: the output, both errors, and where the largest is.
std::string disagreement(const Output& found, const Output& reference);

/// Also a NaN equals itself: the bits count.
bool same_bits(const Output& a, const Output& b);

/// fp32: kTolerance. The narrow types round each stored value once, by 2^-9 and 2^-12 of it at most (and fp16 has a least
/// step), in a result and in what it was computed from.
double tolerance_of(DType storage);
/// fp32 multiplied as tf32: both operands have fp16's 11 bits, sums and results are fp32.
inline constexpr double kTf32Tolerance = 2e-3;

}  // namespace mcnn::cases
