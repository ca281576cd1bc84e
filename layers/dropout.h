// Dropout of single values before the classifier (Srivastava et al. 2014).
#pragma once
#include "layers/context.h"
#include "layers/vectors.h"

namespace mcnn {

/// Returns x itself in evaluation and at rate 0, else a linear vector.
Vectors dropout(const Context& ctx, const std::string& name, float rate, const Vectors& x);

}  // namespace mcnn
