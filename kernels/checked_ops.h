// Wraps a backend: before each operation it checks that every operand is present and has the shape and type of the contract, and that
// no output overlaps another operand. It also measures each operation's time for the profiler.
#pragma once
#include <memory>

#include "kernels/ops.h"

namespace mcnn {

class Profiler;

/// Its run() throws ShapeError: "depthwise_forward: w is (3,3,48), expected (5,5,48) for k=5". `profiler` may be null; it must outlive
/// the result.
std::unique_ptr<Ops> checked(std::unique_ptr<Ops> inner, Profiler* profiler = nullptr);

}  // namespace mcnn
