// What every backend may rely on: each operand of each operation is present, of the shape and type the contract says, and
// no output overlaps another operand. And the place where an operation's time is taken.
#pragma once
#include <memory>

#include "kernels/ops.h"

namespace mcnn {

class Profiler;

/// Throws ShapeError: "depthwise_forward: w is (3,3,48), expected (5,5,48) for k=5". `profiler` may be null; it outlives
/// the result.
std::unique_ptr<Ops> checked(std::unique_ptr<Ops> inner, Profiler* profiler = nullptr);

}  // namespace mcnn
