// Options of the optimizer: keys of [train] (training_options.cpp). Next: optimizer.h.
#pragma once
#include <string>

namespace mcnn {

struct OptimizerOptions {
  std::string name = "adamw";  ///< or sgd
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = true;
  double momentum = 0.9;  ///< sgd's
  double clip_norm = 0;   ///< 0: no limit
  double ema = 0;         ///< 0: no averages
};

}  // namespace mcnn
