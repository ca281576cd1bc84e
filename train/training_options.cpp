#include "train/training_options.h"

#include <limits>

namespace mcnn {

std::vector<Setting> settings(TrainingOptions& o) {
  constexpr int kMany = std::numeric_limits<int>::max();
  SettingTable t("train");
  t.number("epochs", o.epochs, 1, kMany, "passes over the training photos");
  t.number("batch", o.batch, 1, 65536, "photos per step; the last, smaller one of an epoch is dropped");
  t.choice("optimizer", o.optimizer.name, {"adamw", "sgd"}, "optimizer of the weights");
  t.number("learning_rate", o.learning_rate, 0.0, 1e3, "the highest; cosine to 0 after the warm-up");
  t.number("weight_decay", o.optimizer.weight_decay, 0.0, 1e3, "decoupled for adamw, added to the gradient for sgd");
  t.flag("decay_norm_and_bias", o.optimizer.decay_norm_and_bias, "weight decay also on batch norms' parameters and biases");
  t.number("momentum", o.optimizer.momentum, 0.0, 1.0, "sgd's");
  t.number("warmup_epochs", o.warmup_epochs, 0.0, 1e6, "learning rate rises linearly from 0");
  t.number("label_smoothing", o.label_smoothing, 0.0, 1.0, "targets are (1-s)*label + s/classes");
  t.number("clip_norm", o.optimizer.clip_norm, 0.0, 1e9, "largest 2-norm of all gradients together; 0: no limit");
  t.number("ema", o.optimizer.ema, 0.0, 0.999999, "decay of averaged weights, which are then evaluated and kept; 0: none");
  t.number("checkpoint_minutes", o.checkpoint_minutes, 0.0, 1e6,
           "save the state this often within an epoch, beside its end; 0: only at its end");
  t.choice("select", o.select, {"best", "last"}, "which epoch's weights best.safetensors holds, by macro F1 on the held-out people");
  return t.rows;
}

}  // namespace mcnn
