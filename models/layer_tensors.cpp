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
