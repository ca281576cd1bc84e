// What follows the last convolution: global average, dropout, classifier; and the loss.
#pragma once
#include "layers/context.h"
#include "layers/parameters.h"

namespace mcnn {

/// Logits on the tape: (N,K) and, once the loss has run backward, their gradient.
struct Logits {
  Tensor value;
  std::shared_ptr<Tensor> gradient = std::make_shared<Tensor>();
};

class Head {
 public:
  /// Adds classifier.weight and .bias.
  Head(Parameters& parameters, int64_t channels, int64_t classes, float dropout);
  /// x (N,H,W,channels) -> (N,classes)
  Logits forward(const Context& ctx, const Var& x) const;

 private:
  NamedTensor &weight_, &bias_;
  float dropout_;
};

/// Mean label-smoothing cross-entropy; targets (N,K) are distributions. Returns the loss, (1).
Tensor cross_entropy(const Context& ctx, const Logits& logits, const Tensor& targets, float smoothing);

}  // namespace mcnn
