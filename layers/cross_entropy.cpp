#include "layers/cross_entropy.h"

namespace mcnn {

Tensor cross_entropy(const Context& ctx, const Vectors& logits, const Tensor& targets, float smoothing) {
  const Tensor loss = ctx.small({1});
  cross_entropy(ctx, logits, targets, smoothing, loss);
  return loss;
}

void cross_entropy(const Context& ctx, const Vectors& logits, const Tensor& targets, float smoothing, const Tensor& loss) {
  const Context::Layer layer = ctx.layer("loss");
  if (ctx.recording()) logits->gradient = ctx.small(logits->value.shape());
  ctx.add(CrossEntropy{logits->value, targets, smoothing, loss, logits->gradient});
}

}  // namespace mcnn
