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
  Tensor gradient;           ///< absent for buffers, and for parameters that are not trained
  bool trainable = false;    ///< false: a buffer
  bool in_products = false;  ///< a pointwise or dense convolution reads it: Parameters::product_weights()
};

/// Owns a network's tensors. Layers add theirs while they are built and keep the references, which stay valid.
/// All values lie in one block of memory, in this order, each tensor on 16 elements, with zeros between them:
///   weights of pointwise and dense convolutions | other weights | gammas, betas and biases | buffers
/// The gradients of all but the buffers lie in a second block, in the same order. So an operation over all parameters, over those
/// that decay or over those that products read is one over a range.
class Parameters {
 public:
  /// Values live in memory of `ops`, in its parameter type. gradients: false for a network that only infers.
  Parameters(Ops& ops, bool gradients);

  NamedTensor& add(std::string name, WeightKind kind, std::vector<int64_t> torch_shape, bool in_products = false);
  NamedTensor& add_buffer(std::string name, int64_t channels);
  /// Gives all tensors their memory, values and gradients 0. Once, when the last has been added.
  void allocate();

  /// Whoever may write to tensors is taken to have changed them: version().
  std::deque<NamedTensor>& tensors() {
    changed();
    return tensors_;
  }
  const std::deque<NamedTensor>& tensors() const { return tensors_; }
  /// Null if there is none of that name.
  NamedTensor* find(std::string_view name);

  // ---- Ranges: (elements), of the parameter type ------------------------------------------------------------------------------
  const Tensor& values() const { return values_; }                       ///< of all tensors
  Tensor trained_values() const { return range(values_, 0, trained_); }  ///< of all parameters
  const Tensor& gradients() const { return gradients_; }                 ///< of all parameters; absent where there are none
  int64_t decaying() const { return decaying_; }  ///< elements of trained_values() before the first gamma, beta or bias
  Tensor product_weights() const { return range(values_, 0, products_); }
  /// The part of a block of any type, in the order of values(), that belongs to `of`. The block may end where `of` does.
  Tensor part(const Tensor& block, const NamedTensor& of) const;
  /// Exchanges the values with another block in the order of values().
  void swap_values(Tensor& block);

  /// Counts changes of the values, so that what was made of them can be made again.
  uint64_t version() const { return version_; }
  void changed() { ++version_; }

  /// Elements of all parameters, buffers and what lies between tensors not counted.
  int64_t count() const;
  /// Memory of values and gradients.
  std::size_t bytes() const { return arena_.in_use(); }
  Ops& ops() const { return ops_; }
  DType type() const { return ops_.parameter_type(); }

 private:
  static Tensor range(const Tensor& block, int64_t first, int64_t count);
  int64_t offset(const Tensor& value) const;  // of a tensor in values_

  Ops& ops_;
  Arena arena_;
  bool has_gradients_;
  std::deque<NamedTensor> tensors_;
  Tensor values_, gradients_;
  int64_t products_ = 0, decaying_ = 0, trained_ = 0;  // elements up to the end of each range
  uint64_t version_ = 1;
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
