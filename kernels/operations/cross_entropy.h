// The loss.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// Mean over the batch of cross-entropy with soft targets, smoothed: t' = (1-smoothing)*t + smoothing/K.
///   loss = -1/N sum_n sum_k t'[n,k] log softmax(logits[n])[k]       dlogits = (softmax(logits)*sum_k t' - t')/N
/// dlogits, and so every gradient up to GradientNorm, is multiplied by the current step's loss_scale; loss is not.
struct CrossEntropy {
  static constexpr const char* kName = "cross_entropy";
  Tensor logits, targets;  ///< (N,K), K >= 1
  float smoothing = 0.f;
  Tensor loss;     ///< (1)
  Tensor dlogits;  ///< (N,K); absent: not requested (evaluation)

  void operands(Operands& reader) {
    reader.rank("logits", logits, 2);
    reader.require(smoothing >= 0.f && smoothing < 1.f, "smoothing is {}, expected 0 to below 1", smoothing);
    reader.input("logits", logits, logits.shape());
    reader.input("targets", targets, logits.shape());
    reader.output("loss", loss, {1});
    reader.optional_output("dlogits", dlogits, logits.shape());
  }
};

}  // namespace mcnn
