// What a forward pass runs in, and the variables it passes from layer to layer.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "kernels/ops.h"
#include "runtime/arena.h"
#include "runtime/profiler.h"
#include "runtime/tape.h"

namespace mcnn {

struct Context {
  Ops* ops;
  Arena* arena;
  Tape* tape;
  DType storage = DType::f32;  ///< of feature maps
  bool training = false;       ///< batch statistics, dropout, drop-path
  Profiler* profiler = nullptr;

  /// Statistics, gates, sums: (C) and (N,C) tensors.
  Tensor small(Shape shape) const { return arena->tensor(shape, ops->parameter_type()); }
  Tensor feature_map(Shape shape) const { return arena->tensor(shape, storage); }
  bool recording() const { return tape->recording(); }
  /// Puts a layer's backward on the tape; its time counts for the layer that is current now.
  void record(std::function<void()> backward) const;
  /// What runs while the span lives counts for this layer.
  Profiler::Span layer(const std::string& name) const { return profiler ? profiler->layer(name) : Profiler::Span(); }
};

/// A feature map on the tape. Its reader's backward fills in `gradient`, its writer's backward consumes it.
struct Variable {
  Feature value;
  OutputGradient gradient;  ///< of value.raw; `of` and the two sums (beta's and gamma's gradients) are set in forward
  InputGradient received;   ///< what the last reader's data gradient left
  Tensor add;               ///< gradient that came past that reader, by the skip
  bool wants_gradient = true;

  explicit Variable(Feature feature) : value(std::move(feature)) { gradient.of = &value; }
  Variable(const Variable&) = delete;  // gradient.of points into this object
};
using Var = std::shared_ptr<Variable>;

/// The InputGradient a reader of x hands to its backward kernel: fresh memory, with the sums that x's batch norm needs.
/// After the kernel ran it stands in x->received, and x->gradient.stored is set.
InputGradient& begin_input_gradient(const Context& ctx, Variable& x);

}  // namespace mcnn
