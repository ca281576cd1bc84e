// Named tensors of a network: parameters, with gradients, and buffers (batch norm's running statistics).
// Names are timm's. Tensors have the engine's layout (kernels/ops.h: output channel last); torch_shape is PyTorch's.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "runtime/arena.h"

namespace mcnn {

/// How a tensor's axes in the engine relate to PyTorch's.
enum class WeightKind : uint8_t {
  vector,     ///< (C)
  linear,     ///< (I,O)      PyTorch (O,I)
  pointwise,  ///< (I,O)      (O,I,1,1)
  depthwise,  ///< (k,k,C)    (C,1,k,k)
  dense,      ///< (k,k,I,O)  (O,I,k,k)
};

struct NamedTensor {
  std::string name;
  WeightKind kind = WeightKind::vector;
  std::vector<int64_t> torch_shape;
  Tensor value;
  Tensor gradient;         ///< absent for buffers, and for parameters that are not trained
  bool trainable = false;  ///< false: a buffer
};

/// Owns a network's tensors. Layers add theirs while they are built and keep the references, which stay valid.
class Parameters {
 public:
  /// Values live in memory of `ops`, in its parameter type. gradients: false for a network that only infers.
  Parameters(Ops& ops, bool gradients);

  NamedTensor& add(std::string name, WeightKind kind, std::vector<int64_t> torch_shape);
  NamedTensor& add_buffer(std::string name, int64_t channels);

  std::deque<NamedTensor>& tensors() { return tensors_; }
  const std::deque<NamedTensor>& tensors() const { return tensors_; }
  /// Null if there is none of that name.
  NamedTensor* find(std::string_view name);
  /// Elements of all parameters, buffers not counted.
  int64_t count() const;
  /// Memory of values and gradients.
  std::size_t bytes() const { return arena_.in_use(); }
  Ops& ops() { return ops_; }

 private:
  Ops& ops_;
  Arena arena_;
  bool gradients_;
  std::deque<NamedTensor> tensors_;
};

/// Engine shape of a PyTorch shape.
Shape engine_shape(WeightKind kind, const std::vector<int64_t>& torch_shape);
/// Reorders between PyTorch's element order and the engine's; both hold the tensor's number of elements.
void torch_to_engine(WeightKind kind, const std::vector<int64_t>& torch_shape, const float* torch, float* engine);
void engine_to_torch(WeightKind kind, const std::vector<int64_t>& torch_shape, const float* engine, float* torch);

/// The one element of a (1) tensor of parameter type; waits for it.
double scalar(Ops& ops, const Tensor& tensor);

/// Elements of a tensor of any float type as fp32 on the host, in the engine's order, and back.
std::vector<float> to_floats(Ops& ops, const Tensor& tensor);
void copy_floats(Ops& ops, const std::vector<float>& values, Tensor tensor);

/// A tensor's elements on the host as fp32 in PyTorch's order, and back.
std::vector<float> to_torch(Ops& ops, const NamedTensor& tensor, const Tensor& which);
void from_torch(Ops& ops, const NamedTensor& tensor, const float* torch, Tensor which);

/// Draws every parameter as timm's tf_efficientnet does, from Philox(seed): convolutions N(0, 2/(k*k*out)), out = 1 for
/// depthwise; the classifier U(-1/sqrt(classes), 1/sqrt(classes)); biases and betas 0, gammas 1; running mean 0, variance 1.
void initialise(Parameters& parameters, uint64_t seed);
void initialise(Parameters& parameters, NamedTensor& tensor, uint64_t seed);

}  // namespace mcnn
