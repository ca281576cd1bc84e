// When two backends agree: ||a-b||2/||b||2 <= tolerance for the tensor, and max|a-b| <= 10*tolerance*max|b|, b the
// reference. An all-zero reference compares absolutely. NaN never agrees.
#pragma once
#include <string>

#include "tests/cases/case.h"

namespace mcnn::cases {

/// Empty when they agree, else one line: the output, both errors, and where the largest is.
std::string disagreement(const Output& found, const Output& reference);

}  // namespace mcnn::cases
