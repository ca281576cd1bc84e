// Walks the network's layers and writes the nodes of each; shapes and padding come from models/layer_table.h.
// Nodes and values carry timm's module names.  Contract: write_onnx.h.
// Next: onnx_subset.proto.
#include "weights/write_onnx.h"

#include <cmath>
#include <map>
#include <span>

#include "models/layer_table.h"
#include "models/layer_tensors.h"
#include "onnx_subset.pb.h"
#include "runtime/atomic_file.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

using Dims = std::vector<int64_t>;

/// The IR version that belongs to an opset: https://github.com/onnx/onnx/blob/main/docs/Versioning.md
int ir_version(int opset) { return opset <= 18 ? 8 : opset <= 20 ? 9 : opset <= 22 ? 10 : 11; }

void set(onnx::AttributeProto& a, int64_t value) {
  a.set_type(onnx::AttributeProto::INT);
  a.set_i(value);
}
void set(onnx::AttributeProto& a, float value) {
  a.set_type(onnx::AttributeProto::FLOAT);
  a.set_f(value);
}
void set(onnx::AttributeProto& a, const Dims& values) {
  a.set_type(onnx::AttributeProto::INTS);
  for (const int64_t v : values) a.add_ints(v);
}

template <class T>
void attribute(onnx::NodeProto& node, const char* name, const T& value) {
  onnx::AttributeProto& a = *node.add_attribute();
  a.set_name(name);
  set(a, value);
}

/// A dimension <= 0 stands for the batch.
void describe(onnx::ValueInfoProto& value, const char* name, onnx::TensorProto::DataType type, const Dims& dims) {
  value.set_name(name);
  auto& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  for (const int64_t d : dims) {
    auto& dim = *tensor.mutable_shape()->add_dim();
    d > 0 ? dim.set_dim_value(d) : dim.set_dim_param("N");
  }
}

/// Appends nodes to the graph. ONNX names values by strings: every method returns the name of the value it adds.
class GraphWriter {
 public:
  GraphWriter(onnx::GraphProto& graph, const Network& network, Parameters& parameters, const OnnxOptions& options)
      : graph_(graph), bn_eps_(network.spec.bn_eps), parameters_(parameters), fold_(options.fold_norm) {
    for (LayerRow& row : layer_table(network, 1, options.height, options.width)) rows_.emplace(row.name, row);
  }

  onnx::NodeProto& node(const char* type, const std::string& name, const std::vector<std::string>& inputs) {
    onnx::NodeProto& n = *graph_.add_node();
    n.set_op_type(type);
    n.set_name(name);
    for (const std::string& input : inputs) n.add_input(input);
    n.add_output(name);
    return n;
  }
  std::string apply(const char* type, const std::string& name, const std::vector<std::string>& inputs) {
    return node(type, name, inputs).name();
  }

  std::string constant(const std::string& name, const Dims& dims, const std::vector<float>& values) {
    onnx::TensorProto& t = *graph_.add_initializer();
    t.set_name(name);
    t.set_data_type(onnx::TensorProto::FLOAT);
    for (const int64_t d : dims) t.add_dims(d);
    t.set_raw_data(values.data(), values.size() * sizeof(float));
    return name;
  }
  std::string parameter(const std::string& name) { return constant(name, parameters_.find(name)->torch_shape, values(name)); }

  /// (x/255 - mean)/std: uint8 (N,H,W,3) -> float (N,3,H,W)
  std::string preprocess(const std::string& image, const OnnxOptions::Preprocessing& p) {
    std::vector<float> mean, std;
    for (std::size_t c = 0; c < 3; ++c) {
      mean.push_back(255 * p.mean[c]);
      std.push_back(255 * p.std[c]);
    }
    onnx::NodeProto& cast = node("Cast", "preprocess.cast", {image});
    attribute(cast, "to", int64_t{onnx::TensorProto::FLOAT});
    const std::string centred = apply("Sub", "preprocess.centre", {cast.name(), constant("preprocess.mean", {3}, mean)});
    const std::string scaled = apply("Div", "preprocess.scale", {centred, constant("preprocess.std", {3}, std)});
    onnx::NodeProto& channels_first = node("Transpose", "preprocess.transpose", {scaled});
    attribute(channels_first, "perm", Dims{0, 3, 1, 2});
    return channels_first.name();
  }

  /// A convolution and its batch norm: two nodes, or one convolution with a bias if the norm is folded.
  std::string conv_norm(const std::string& x, const std::string& conv, const std::string& norm) {
    const std::string weight = conv + ".weight";
    if (!fold_) {
      const std::string raw = convolution(conv, {x, parameter(weight)});
      onnx::NodeProto& normalised = node("BatchNormalization", norm,
                                         {raw, parameter(norm + ".weight"), parameter(norm + ".bias"), parameter(norm + ".running_mean"),
                                          parameter(norm + ".running_var")});
      attribute(normalised, "epsilon", bn_eps_);
      return normalised.name();
    }
    std::vector<float> w = values(weight), bias = values(norm + ".bias");
    const std::vector<float> gamma = values(norm + ".weight"), mean = values(norm + ".running_mean"), var = values(norm + ".running_var");
    const std::size_t per_channel = w.size() / bias.size();
    for (std::size_t c = 0; c < bias.size(); ++c) {
      const double scale = gamma[c] / std::sqrt(static_cast<double>(var[c]) + bn_eps_);
      for (float& v : std::span(w).subspan(c * per_channel, per_channel)) v = static_cast<float>(v * scale);
      bias[c] = static_cast<float>(bias[c] - mean[c] * scale);
    }
    const Dims channels{static_cast<int64_t>(bias.size())};
    return convolution(conv, {x, constant(weight, parameters_.find(weight)->torch_shape, w), constant(conv + ".bias", channels, bias)});
  }

  std::string activation(const std::string& x, Activation act) {
    switch (act) {
      case Activation::identity: return x;
      case Activation::swish: return apply("Mul", x + ".swish", {x, apply("Sigmoid", x + ".sigmoid", {x})});
      case Activation::relu6:
        if (bounds_.empty()) bounds_ = {constant("relu6.least", {}, {0.f}), constant("relu6.most", {}, {6.f})};
        return apply("Clip", x + ".relu6", {x, bounds_[0], bounds_[1]});
      case Activation::relu: return apply("Relu", x + ".relu", {x});
      case Activation::hard_swish: return apply("HardSwish", x + ".hard_swish", {x});
    }
    return x;
  }
  std::string gate(const std::string& x, GateFunction function) {
    if (function == GateFunction::sigmoid) return apply("Sigmoid", x + ".sigmoid", {x});
    onnx::NodeProto& n = node("HardSigmoid", x + ".hard_sigmoid", {x});
    attribute(n, "alpha", 1.f / 6.f);  // PyTorch's: min(max(x + 3, 0), 6)/6
    return n.name();
  }

  std::string squeeze_excite(const std::string& x, const Layer& layer) {
    const std::string mean = apply("GlobalAveragePool", layer.name + ".pool", {x});  // (N,C,1,1)
    const auto with_bias = [&](const std::string& in, Module module) {
      const std::string conv = module_name(layer, module);
      return apply("Conv", conv, {in, parameter(conv + ".weight"), parameter(conv + ".bias")});
    };
    const std::string hidden = activation(with_bias(mean, Module::reduce), layer.act);
    return apply("Mul", layer.name, {x, gate(with_bias(hidden, Module::expand), layer.gate)});
  }

  std::string linear(const std::string& x, const Layer& layer) {
    const std::string weight = layer.name + ".weight";
    onnx::NodeProto& n =
        node("Gemm", layer.name, {x, constant(weight, {layer.out, layer.in}, values(weight)), parameter(layer.name + ".bias")});
    attribute(n, "transB", int64_t{1});
    return n.name();
  }

  /// Adds a layer's nodes and returns the value that its readers read.
  std::string nodes_of(const Layer& layer, const std::string& x, const std::string& skip) {
    switch (layer.kind) {
      case LayerKind::dense:
      case LayerKind::pointwise:
      case LayerKind::depthwise: return activation(conv_norm(x, layer.name, layer.norm), layer.act);
      case LayerKind::squeeze_excite: return squeeze_excite(x, layer);
      case LayerKind::residual: return apply("Add", layer.name, {skip, x});
      case LayerKind::global_pool: return apply("Flatten", "flatten", {apply("GlobalAveragePool", layer.name, {x})});  // (N,C)
      case LayerKind::dropout: return x;
      case LayerKind::linear: return activation(linear(x, layer), layer.act);
    }
    return x;
  }

 private:
  std::vector<float> values(const std::string& name) {
    const NamedTensor& t = *parameters_.find(name);
    return to_torch(parameters_.ops(), t, t.value);
  }

  std::string convolution(const std::string& name, const std::vector<std::string>& inputs) {
    const LayerRow& row = rows_.at(name);
    const auto after = [&](int axis, int before) {  // padding that the last window needs; more would change nothing
      return std::max<int64_t>((row.out[axis] - 1) * row.stride + row.kernel - row.in[axis] - before, 0);
    };
    onnx::NodeProto& n = node("Conv", name, inputs);
    attribute(n, "kernel_shape", Dims{row.kernel, row.kernel});
    attribute(n, "strides", Dims{row.stride, row.stride});
    attribute(n, "pads", Dims{row.pad_top, row.pad_left, after(1, row.pad_top), after(2, row.pad_left)});
    if (row.kind == LayerKind::depthwise) attribute(n, "group", row.out[3]);
    return name;
  }

  onnx::GraphProto& graph_;
  float bn_eps_;
  Parameters& parameters_;
  bool fold_;
  std::map<std::string, LayerRow> rows_;
  std::vector<std::string> bounds_;  ///< constants 0 and 6 of ReLU6; empty until used
};

void write_graph(onnx::GraphProto& graph, const Network& network, Parameters& parameters, const OnnxOptions& options) {
  graph.set_name(network.title);
  const bool raw = options.preprocessing.has_value();
  describe(*graph.add_input(), "image", raw ? onnx::TensorProto::UINT8 : onnx::TensorProto::FLOAT,
           raw ? Dims{0, options.height, options.width, 3} : Dims{0, 3, options.height, options.width});
  describe(*graph.add_output(), "logits", onnx::TensorProto::FLOAT, {0, network.spec.classes});

  GraphWriter writer(graph, network, parameters, options);
  const std::string image = raw ? writer.preprocess("image", *options.preprocessing) : "image";
  std::vector<std::string> outputs;
  const auto output = [&](int layer) { return layer == kImageInput ? image : outputs[layer]; };
  for (const Layer& layer : network.layers) outputs.push_back(writer.nodes_of(layer, output(layer.input), output(layer.skip)));
  graph.mutable_node()->rbegin()->set_output(0, "logits");
}

}  // namespace

void write_onnx(const std::string& path, const Network& network, Parameters& parameters, const OnnxOptions& options,
                const Metadata& metadata) {
  if (options.opset < kOldestOpset || options.opset > kNewestOpset)
    fail("{}: opset {} is outside {} to {}", path, options.opset, kOldestOpset, kNewestOpset);
  onnx::ModelProto model;
  model.set_ir_version(ir_version(options.opset));
  model.set_producer_name("mcnn");
  model.add_opset_import()->set_version(options.opset);
  for (const auto& [key, value] : metadata) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  write_graph(*model.mutable_graph(), network, parameters, options);
  if (model.ByteSizeLong() > static_cast<std::size_t>(INT32_MAX))
    fail("{}: {} bytes, protobuf writes at most {}", path, model.ByteSizeLong(), INT32_MAX);
  write_file_atomically(path, model.SerializeAsString());
}

}  // namespace mcnn
