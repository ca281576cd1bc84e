// The block of parameters, the order of axes of PyTorch and of the engine, and initial values.  Contract: parameters.h.
// Next: models/layer_tensors.cpp lists a network's tensors.
#include "layers/parameters.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "kernels/operations/fill.h"
#include "runtime/philox.h"

namespace mcnn {
namespace {

/// A PyTorch shape as (O, I, taps); for all kinds but dense, I or taps is 1. The engine stores (taps, I, O).
struct Axes {
  int64_t out, in, taps;
};
Axes axes_of(WeightKind kind, const std::vector<int64_t>& s) {
  switch (kind) {
    case WeightKind::vector: return {s[0], 1, 1};
    case WeightKind::linear:
    case WeightKind::pointwise: return {s[0], s[1], 1};
    case WeightKind::depthwise: return {s[0], 1, s[2] * s[3]};
    case WeightKind::dense: return {s[0], s[1], s[2] * s[3]};
  }
  return {0, 0, 0};
}

/// Calls move(PyTorch's index, the engine's) for every element, 16 rows at a time: accesses are whole cache lines (64 bytes) in the
/// engine's order, and 16 streams in PyTorch's.
template <class Move>
void for_each_pair(WeightKind kind, const std::vector<int64_t>& torch_shape, const Move& move) {
  const auto [out, in, taps] = axes_of(kind, torch_shape);
  constexpr int64_t kRows = 16;
  for (int64_t first = 0; first < out; first += kRows) {
    const int64_t end = std::min(first + kRows, out);
    for (int64_t i = 0; i < in; ++i)
      for (int64_t t = 0; t < taps; ++t)
        for (int64_t o = first; o < end; ++o) move((o * in + i) * taps + t, (t * in + i) * out + o);
  }
}

bool ends_with(const std::string& text, std::string_view tail) {
  return text.size() >= tail.size() && std::string_view(text).substr(text.size() - tail.size()) == tail;
}

}  // namespace

Parameters::Parameters(Ops& ops, bool gradients) : ops_(ops), arena_(ops.memory()), has_gradients_(gradients) {}

NamedTensor& Parameters::add(std::string name, WeightKind kind, std::vector<int64_t> torch_shape, bool in_products) {
  NamedTensor& t = tensors_.emplace_back();
  t.name = std::move(name);
  t.kind = kind;
  t.torch_shape = std::move(torch_shape);
  t.trainable = true;
  t.in_products = in_products;
  return t;
}

NamedTensor& Parameters::add_buffer(std::string name, int64_t channels) {
  NamedTensor& t = tensors_.emplace_back();
  t.name = std::move(name);
  t.torch_shape = {channels};
  return t;
}

void Parameters::allocate() {
  constexpr int64_t kAlign = 16;  // elements: a multiple of every instruction set's vector
  std::vector<int64_t> offsets(tensors_.size());
  int64_t end = 0;
  const auto lay_out = [&](const auto& belongs) {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (!belongs(tensors_[i])) continue;
      offsets[i] = end;
      end += (engine_shape(tensors_[i].kind, tensors_[i].torch_shape).size() + kAlign - 1) / kAlign * kAlign;
    }
    return end;
  };
  products_ = lay_out([&](const NamedTensor& t) { return t.in_products; });
  decaying_ = lay_out([&](const NamedTensor& t) { return t.trainable && t.kind != WeightKind::vector && !t.in_products; });
  trained_ = lay_out([&](const NamedTensor& t) { return t.trainable && t.kind == WeightKind::vector; });
  lay_out([&](const NamedTensor& t) { return !t.trainable; });

  const auto zeros = [&](int64_t count) {
    Tensor block = arena_.tensor({count}, ops_.parameter_type());
    ops_.run(Fill{block, 0.f});
    return block;
  };
  values_ = zeros(end);
  if (has_gradients_) gradients_ = zeros(trained_);
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    NamedTensor& t = tensors_[i];
    const Shape shape = engine_shape(t.kind, t.torch_shape);
    t.value = Tensor(range(values_, offsets[i], shape.size()).raw(), values_.dtype(), shape);
    if (has_gradients_ && t.trainable) t.gradient = part(gradients_, t);
  }
}

Tensor Parameters::range(const Tensor& block, int64_t first, int64_t count) {
  auto* const begin = static_cast<std::byte*>(const_cast<void*>(block.raw()));
  return Tensor(begin + first * static_cast<int64_t>(size_of(block.dtype())), block.dtype(), {count});
}

int64_t Parameters::offset(const Tensor& value) const {
  return (static_cast<const std::byte*>(value.raw()) - static_cast<const std::byte*>(values_.raw())) /
         static_cast<int64_t>(size_of(value.dtype()));
}

Tensor Parameters::part(const Tensor& block, const NamedTensor& of) const {
  const Tensor elements = range(block, offset(of.value), of.value.size());
  return Tensor(const_cast<void*>(elements.raw()), block.dtype(), of.value.shape());
}

void Parameters::swap_values(Tensor& block) {
  for (NamedTensor& t : tensors_) t.value = part(block, t);  // by their offsets in the old block
  std::swap(values_, block);
  changed();
}

NamedTensor* Parameters::find(std::string_view name) {
  changed();
  const auto found = std::find_if(tensors_.begin(), tensors_.end(), [&](const NamedTensor& t) { return t.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

int64_t Parameters::count() const {
  return std::accumulate(tensors_.begin(), tensors_.end(), int64_t{0},
                         [](int64_t sum, const NamedTensor& t) { return sum + (t.trainable ? t.value.size() : 0); });
}

Shape engine_shape(WeightKind kind, const std::vector<int64_t>& s) {
  switch (kind) {
    case WeightKind::vector: return {s[0]};
    case WeightKind::linear:
    case WeightKind::pointwise: return {s[1], s[0]};
    case WeightKind::depthwise: return {s[2], s[3], s[0]};
    case WeightKind::dense: return {s[2], s[3], s[1], s[0]};
  }
  return {};
}

void torch_to_engine(WeightKind kind, const std::vector<int64_t>& torch_shape, const float* torch, float* engine) {
  for_each_pair(kind, torch_shape, [&](int64_t t, int64_t e) { engine[e] = torch[t]; });
}
void engine_to_torch(WeightKind kind, const std::vector<int64_t>& torch_shape, const float* engine, float* torch) {
  for_each_pair(kind, torch_shape, [&](int64_t t, int64_t e) { torch[t] = engine[e]; });
}

double scalar(Ops& ops, const Tensor& tensor) {
  double wide = 0;
  if (tensor.dtype() == DType::f64) {
    ops.copy_to_host(tensor, &wide);
    return wide;
  }
  float narrow = 0;
  ops.copy_to_host(tensor, &narrow);
  return narrow;
}

std::vector<float> to_floats(Ops& ops, const Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.size()));
  if (tensor.dtype() == DType::f64) {
    std::vector<double> wide(values.size());
    ops.copy_to_host(tensor, wide.data());
    std::transform(wide.begin(), wide.end(), values.begin(), [](double v) { return static_cast<float>(v); });
  } else {
    ops.copy_to_host(tensor, values.data());
  }
  return values;
}

void copy_floats(Ops& ops, const std::vector<float>& values, Tensor tensor) {
  if (tensor.dtype() == DType::f64) {
    const std::vector<double> wide(values.begin(), values.end());
    ops.copy_from_host(wide.data(), tensor);
  } else {
    ops.copy_from_host(values.data(), tensor);
  }
}

std::vector<float> to_torch(Ops& ops, const NamedTensor& tensor, const Tensor& which) {
  const std::vector<float> engine = to_floats(ops, which);
  std::vector<float> torch(engine.size());
  engine_to_torch(tensor.kind, tensor.torch_shape, engine.data(), torch.data());
  return torch;
}

void from_torch(Ops& ops, const NamedTensor& tensor, const float* torch, Tensor which) {
  std::vector<float> engine(static_cast<std::size_t>(which.size()));
  torch_to_engine(tensor.kind, tensor.torch_shape, torch, engine.data());
  copy_floats(ops, engine, std::move(which));
}

void initialise(Parameters& parameters, NamedTensor& tensor, uint64_t seed) {
  const Axes axes = axes_of(tensor.kind, tensor.torch_shape);
  std::vector<float> values(static_cast<std::size_t>(tensor.value.size()));
  // A random stream per tensor, from its name: its values do not depend on the other tensors.
  uint32_t name_hash = 2166136261u;  // FNV-1a
  for (const char c : tensor.name) name_hash = (name_hash ^ static_cast<uint8_t>(c)) * 16777619u;
  const Philox random{seed, stream::initial_weights | (name_hash & stream::kIndexMask), 0};
  if (tensor.kind == WeightKind::vector) {
    const bool one = ends_with(tensor.name, "running_var") || (ends_with(tensor.name, ".weight"));
    std::fill(values.begin(), values.end(), one ? 1.0f : 0.0f);
  } else if (tensor.kind == WeightKind::linear) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(axes.out));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>((2.0 * random.uniform(i) - 1.0) * bound);
  } else {
    const double deviation = std::sqrt(2.0 / static_cast<double>(axes.taps * (tensor.kind == WeightKind::depthwise ? 1 : axes.out)));
    Philox::Block block{};
    for (std::size_t i = 0; i < values.size(); ++i) {  // Box and Muller 1958, of elements 2i and 2i+1
      if (i % 2 == 0) block = random.block(i / 2);
      const uint32_t* two = &block[i % 2 * 2];
      const double radius = std::sqrt(-2.0 * std::log(1.0 - Philox::uniform_of(two[0])));
      values[i] = static_cast<float>(deviation * radius * std::cos(2.0 * std::numbers::pi * Philox::uniform_of(two[1])));
    }
  }
  from_torch(parameters.ops(), tensor, values.data(), tensor.value);
}

void initialise(Parameters& parameters, uint64_t seed) {
  for (NamedTensor& tensor : parameters.tensors()) initialise(parameters, tensor, seed);
}

}  // namespace mcnn
