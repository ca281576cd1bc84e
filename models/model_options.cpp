#include "models/model_options.h"

#include "models/published_networks.h"

namespace mcnn {

std::vector<Setting> settings(ModelOptions& o) {
  SettingTable t("model");
  t.choice("name", o.name, network_names(), "published network");
  t.number("width", o.width, 0.0, 10.0, "channel multiplier in place of the model's own; 0: its own");
  t.number("depth", o.depth, 0.0, 10.0, "repeat multiplier in place of the model's own; 0: its own");
  t.text("padding", o.padding, "same, same:HxW, symmetric; auto: what the weights were trained with, else same");
  t.choice("storage", o.storage, {"f32", "bf16", "f16"},
           "type that feature maps are stored in; bf16 (cpu, cuda) and f16 (cuda) halve their memory");
  t.number("bn_eps", o.bn_eps, 0.0, 1.0, "batch norm's epsilon; 0: what the weights were trained with, else the model's own");
  t.number("bn_momentum", o.bn_momentum, 0.0, 1.0, "weight of a new batch in the running statistics (PyTorch's convention)");
  t.flag("frozen_norm", o.frozen_norm, "batch norm uses and keeps the weights' running statistics");
  t.number("dropout", o.dropout, -1.0, 0.99, "before the classifier; -1: the model's own");
  t.number("drop_path", o.drop_path, -1.0, 0.99, "of the last block; linear from 0 at the first; -1: the model's own");
  return t.rows;
}

DType storage_type(const ModelOptions& options) {
  for (const DType type : {DType::bf16, DType::f16})
    if (options.storage == name_of(type)) return type;
  return DType::f32;
}

}  // namespace mcnn
