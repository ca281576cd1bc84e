// Named tensors of a network: parameters, with gradients, and buffers (batch norm's running statistics).
// Names are timm's. Tensors have the engine's layout (kernels/ops.h: output channel last); torch_shape is PyTorch's.
// Next: models/layer_tensors.h lists the tensors of each layer; weights/ reads and writes them in files.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "runtime/arena.h"

namespace mcnn {

/// The order of a tensor's axes in the engine and in PyTorch.
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

/// Owns a network's tensors. Constructors of layers add them and keep the references, which stay valid.
/// All values are in one block of memory, in this order, each tensor aligned to 16 elements, with zeros in the gaps:
///   weights of pointwise and dense convolutions | other weights | gammas, betas and biases | buffers
/// The gradients of all but the buffers are in a second block, in the same order. So all parameters, those with weight decay, and those
/// that products read are each a range of the block.
class Parameters {
 public:
  /// Values are in memory of `ops`, in its parameter type. gradients: false for inference only.
  Parameters(Ops& ops, bool gradients);

  NamedTensor& add(std::string name, WeightKind kind, std::vector<int64_t> torch_shape, bool in_products = false);
  NamedTensor& add_buffer(std::string name, int64_t channels);
  /// Allocates all tensors; values and gradients are 0. Call it once, after the last add().
  void allocate();

  /// Counts as a change of the values: version().
  std::deque<NamedTensor>& tensors() {
    changed();
    return tensors_;
  }
  const std::deque<NamedTensor>& tensors() const { return tensors_; }
  /// Null if there is no tensor of that name. Counts as a change of the values.
  NamedTensor* find(std::string_view name);

  // ---- Ranges: (elements), of the parameter type ------------------------------------------------------------------------------
  const Tensor& values() const { return values_; }                       ///< of all tensors
  Tensor trained_values() const { return range(values_, 0, trained_); }  ///< of all parameters
  const Tensor& gradients() const { return gradients_; }                 ///< of all parameters; absent without gradients
  int64_t decaying() const { return decaying_; }  ///< elements of trained_values() before the first gamma, beta or bias
  Tensor product_weights() const { return range(values_, 0, products_); }
  /// The part of `block` that belongs to `of`. The block has the order of values() and any type; it may end after `of`.
  Tensor part(const Tensor& block, const NamedTensor& of) const;
  /// Exchanges the values with another block in the order of values().
  void swap_values(Tensor& block);

  /// Counts changes of the values. Data computed from them is valid for one version.
  uint64_t version() const { return version_; }
  void changed() { ++version_; }

  /// Elements of all parameters, without buffers and gaps.
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

/// Waits for a (1) tensor of parameter type and returns its element.
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
