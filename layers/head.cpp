#include "layers/head.h"

#include "runtime/philox.h"

namespace mcnn {

Head::Head(Parameters& parameters, int64_t channels, int64_t classes, float dropout)
    : weight_(parameters.add("classifier.weight", WeightKind::linear, {classes, channels})),
      bias_(parameters.add("classifier.bias", WeightKind::vector, {classes})),
      dropout_(dropout) {}

Logits Head::forward(const Context& ctx, const Var& x) const {
  const Profiler::Span span = ctx.layer("classifier");
  const Tensor& raw = x->value.raw;
  const Shape per_channel{raw.n(), raw.c()};
  const float drop = ctx.training ? dropout_ : 0.f;
  Tensor mean = ctx.small(per_channel), slope, slope_xhat;  // (N,C)
  if (ctx.recording()) {
    slope = ctx.small(per_channel);
    slope_xhat = ctx.small(per_channel);
  }
  ctx.ops->pool_forward(x->value, mean, slope, slope_xhat);
  Tensor kept = mean;
  if (drop > 0.f) {
    kept = ctx.small(per_channel);
    ctx.ops->dropout(mean, stream::dropout, drop, kept);
  }
  Logits logits{ctx.small({raw.n(), bias_.value.size()})};
  ctx.ops->linear_forward(kept, weight_.value, bias_.value, logits.value);

  ctx.record([this, ctx, x, kept, slope, slope_xhat, drop, gradient = logits.gradient] {
    Variable& v = *x;
    Tensor dw = weight_.gradient, db = bias_.gradient, dkept = ctx.small(kept.shape());
    const float per_pixel = 1.f / static_cast<float>(v.value.raw.h() * v.value.raw.w());
    ctx.ops->linear_backward(kept, weight_.value, *gradient, per_pixel, dw, db, dkept);
    Tensor pooled = dkept;
    if (drop > 0.f) {
      pooled = ctx.small(kept.shape());
      ctx.ops->dropout(dkept, stream::dropout, drop, pooled);
    }
    ctx.ops->batch_norm_sums_gated({}, {}, {}, pooled, slope, slope_xhat, v.gradient.sum_du, v.gradient.sum_du_xhat);
    v.gradient.pooled = pooled;
  });
  return logits;
}

Tensor cross_entropy(const Context& ctx, const Logits& logits, const Tensor& targets, float smoothing) {
  const Profiler::Span span = ctx.layer("loss");
  Tensor loss = ctx.small({1});
  if (ctx.recording()) *logits.gradient = ctx.small(logits.value.shape());
  ctx.ops->cross_entropy(logits.value, targets, smoothing, loss, *logits.gradient);
  return loss;
}

}  // namespace mcnn
