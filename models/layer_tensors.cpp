#include "models/layer_tensors.h"

namespace mcnn {

bool LayerTensor::trained() const { return entry == std::string_view("weight") || entry == std::string_view("bias"); }

std::vector<LayerTensor> tensors_of(const Layer& l) {
  switch (l.kind) {
    case LayerKind::dense:
    case LayerKind::pointwise:
    case LayerKind::depthwise:
      return {{Module::weight, "weight", {l.out, l.kind == LayerKind::depthwise ? 1 : l.in, l.kernel, l.kernel}},
              {Module::norm, "weight", {l.out}},
              {Module::norm, "bias", {l.out}},
              {Module::norm, "running_mean", {l.out}},
              {Module::norm, "running_var", {l.out}},
              {Module::norm, "num_batches_tracked", {}}};
    case LayerKind::squeeze_excite:
      return {{Module::reduce, "weight", {l.hidden, l.in, 1, 1}},
              {Module::reduce, "bias", {l.hidden}},
              {Module::expand, "weight", {l.in, l.hidden, 1, 1}},
              {Module::expand, "bias", {l.in}}};
    case LayerKind::linear: {
      const std::vector<int64_t> weight = l.weight_is_1x1 ? std::vector<int64_t>{l.out, l.in, 1, 1} : std::vector<int64_t>{l.out, l.in};
      return {{Module::weight, "weight", weight}, {Module::weight, "bias", {l.out}}};
    }
    case LayerKind::residual:
    case LayerKind::global_pool:
    case LayerKind::dropout: return {};
  }
  return {};
}

WeightKind weight_kind(const Layer& layer) {
  switch (layer.kind) {
    case LayerKind::dense: return WeightKind::dense;
    case LayerKind::depthwise: return WeightKind::depthwise;
    case LayerKind::linear: return layer.weight_is_1x1 ? WeightKind::pointwise : WeightKind::linear;
    default: return WeightKind::pointwise;
  }
}

void add_tensors(const Network& network, Parameters& parameters) {
  for (const Layer& layer : network.layers)
    for (const LayerTensor& t : tensors_of(layer)) {
      const std::string name = module_name(layer, t.module) + "." + t.entry;
      if (t.trained())
        parameters.add(name, t.shape.size() == 1 ? WeightKind::vector : weight_kind(layer), t.shape,
                       is_convolution(layer.kind) && layer.kind != LayerKind::depthwise && t.module == Module::weight);
      else if (!t.shape.empty())
        parameters.add_buffer(name, t.shape[0]);
    }
  parameters.allocate();
}

std::string module_name(const Layer& layer, Module module) {
  switch (module) {
    case Module::weight: return layer.name;
    case Module::norm: return layer.norm;
    case Module::reduce: return layer.name + ".conv_reduce";
    case Module::expand: return layer.name + ".conv_expand";
  }
  return "";
}

}  // namespace mcnn
