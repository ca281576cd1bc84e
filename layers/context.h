// The context of a forward pass, to which layers add their operations, and the variables that it passes from layer to layer.
// Next: conv_norm.h is the main layer; kernels/program.h has the operations of a step.
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
  Tensor stored_weights = {};  ///< a 16-bit copy of the products' weights; absent: products read the weights themselves

  /// For a network with these parameters. If feature maps have 16 bits, adds the call that stores the weights in that type.
  static Context of(Program& program, Tape& tape, const Parameters& parameters, DType storage, bool training);

  /// Statistics, gates, sums: (C) and (N,C) tensors.
  Tensor small(Shape shape) const { return program->tensor(shape, parameters->type()); }
  Tensor feature_map(Shape shape) const { return program->tensor(shape, storage); }
  /// The tensor that pointwise and dense convolutions read for this weight.
  Tensor product_weight(const NamedTensor& weight) const;
  /// The same as the backend's pointwise products read it fastest, prepared once; absent in training, where weights change with each step,
  /// and for backends that do not pack.
  Tensor packed_weight(const Tensor& product_weight) const;
  bool recording() const { return tape->recording(); }
  /// Puts a layer's backward on the tape. The calls that it adds belong to the current layer.
  void record(std::function<void()> backward) const;

  void add(AnyOperation operation) const { program->add(std::move(operation)); }
  /// Adds a call that depends on parameters only. In evaluation it is a preparation; in training it runs in each step.
  void add_of_parameters(AnyOperation operation) const {
    if (training)
      program->add(std::move(operation));
    else
      program->add_preparation(std::move(operation));
  }

  /// Calls that are added while it exists belong to this layer.
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

/// A feature map on the tape. Its reader's backward sets `gradient`, its writer's backward reads it.
struct Variable {
  Feature value;
  OutputGradient gradient;  ///< of value.raw; forward sets the two sums (beta's and gamma's gradients), output_gradient() sets `of`
  InputGradient received;   ///< the tensors that the reader's data gradient writes
  Tensor add;               ///< the gradient from the skip, which that data gradient adds
  bool requires_gradient = true;

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

/// The InputGradient operand of the backward operation of x's reader: new tensors, with the sums that x's batch norm needs; not requested
/// if x requires no gradient. Also sets x.received and x.gradient.stored.
InputGradient begin_input_gradient(const Context& ctx, Variable& x);

}  // namespace mcnn
