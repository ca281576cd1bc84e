// What a forward pass adds its operations to, and the variables it passes from layer to layer.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "kernels/program.h"
#include "layers/parameters.h"
#include "runtime/tape.h"

namespace mcnn {

struct Context {
  Program* program;
  Tape* tape;
  const Parameters* parameters;
  DType storage = DType::f32;  ///< of feature maps
  bool training = false;       ///< batch statistics, dropout, drop-path
  Tensor stored_weights = {};  ///< the products' weights in the storage type; absent: they are read as they are

  /// For a network with these parameters. Where feature maps have 16 bits, the first call is the one that stores the weights so.
  static Context of(Program& program, Tape& tape, const Parameters& parameters, DType storage, bool training);

  /// Statistics, gates, sums: (C) and (N,C) tensors.
  Tensor small(Shape shape) const { return program->tensor(shape, parameters->type()); }
  Tensor feature_map(Shape shape) const { return program->tensor(shape, storage); }
  /// A weight as pointwise and dense convolutions read it.
  Tensor product_weight(const NamedTensor& weight) const;
  /// The same as the backend's pointwise products read it fastest, prepared once; absent in training, where weights change with each step,
  /// and for backends that do not pack.
  Tensor packed_weight(const Tensor& product_weight) const;
  bool recording() const { return tape->recording(); }
  /// Puts a layer's backward on the tape; what it adds belongs to the layer that is current now.
  void record(std::function<void()> backward) const;

  void add(AnyOperation operation) const { program->add(std::move(operation)); }
  /// For what depends on parameters alone: in evaluation it is prepared once, in training it is part of each step.
  void add_of_parameters(AnyOperation operation) const {
    if (training)
      program->add(std::move(operation));
    else
      program->add_preparation(std::move(operation));
  }

  /// Calls that are added while it lives belong to this layer.
  class [[nodiscard]] Layer {
   public:
    Layer(Program& program, std::string name) : program_(program), before_(program.layer()) { program.set_layer(std::move(name)); }
    ~Layer() { program_.set_layer(std::move(before_)); }
    Layer(const Layer&) = delete;

   private:
    Program& program_;
    std::string before_;
  };
  Layer layer(const std::string& name) const { return Layer(*program, name); }
};

/// A feature map on the tape. Its reader's backward fills in `gradient`, its writer's backward consumes it.
struct Variable {
  Feature value;
  OutputGradient gradient;  ///< of value.raw; the two sums (beta's and gamma's gradients) are set in forward, `of` by output_gradient()
  InputGradient received;   ///< what the last reader's data gradient wrote
  Tensor add;               ///< gradient that came past that reader, by the skip
  bool wants_gradient = true;

  explicit Variable(Feature feature) : value(std::move(feature)) {}
  Variable(const Variable&) = delete;
  /// The gradient of value.raw as the writer's backward reads it.
  OutputGradient output_gradient() const {
    OutputGradient dy = gradient;
    dy.of = value;
    return dy;
  }
};
using Var = std::shared_ptr<Variable>;

/// The InputGradient that a reader of x hands to its backward operation: fresh tensors, with the sums that x's batch norm needs; not
/// requested if x wants no gradient. It also stands in x.received, and x.gradient.stored is set.
InputGradient begin_input_gradient(const Context& ctx, Variable& x);

}  // namespace mcnn
