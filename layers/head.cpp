#include "layers/head.h"

#include "runtime/philox.h"

namespace mcnn {

Head::Head(Parameters& parameters, int64_t channels, int64_t classes, float dropout)
    : weight_(parameters.add("classifier.weight", WeightKind::linear, {classes, channels})),
      bias_(parameters.add("classifier.bias", WeightKind::vector, {classes})),
      dropout_(dropout) {}

Logits Head::forward(const Context& ctx, const Var& x) const {
  const Context::Layer layer = ctx.layer("classifier");
  const Tensor& raw = x->value.raw;
  const Shape per_channel{raw.n(), raw.c()};
  const float drop = ctx.training ? dropout_ : 0.f;
  Tensor mean = ctx.small(per_channel), slope, slope_xhat;  // (N,C)
  if (ctx.recording()) {
    slope = ctx.small(per_channel);
    slope_xhat = ctx.small(per_channel);
  }
  ctx.add(PoolForward{x->value, mean, slope, slope_xhat});
  Tensor kept = mean;
  if (drop > 0.f) {
    kept = ctx.small(per_channel);
    ctx.add(Dropout{mean, stream::dropout, drop, kept});
  }
  Logits logits{ctx.small({raw.n(), bias_.value.size()})};
  ctx.add(LinearForward{kept, weight_.value, bias_.value, logits.value});

  ctx.record([this, ctx, x, kept, slope, slope_xhat, drop, gradient = logits.gradient] {
    Variable& v = *x;
    Tensor dw = weight_.gradient, db = bias_.gradient, dkept = ctx.small(kept.shape());
    const float per_pixel = 1.f / static_cast<float>(v.value.raw.h() * v.value.raw.w());
    ctx.add(LinearBackward{kept, weight_.value, *gradient, per_pixel, dw, db, dkept});
    Tensor pooled = dkept;
    if (drop > 0.f) {
      pooled = ctx.small(kept.shape());
      ctx.add(Dropout{dkept, stream::dropout, drop, pooled});
    }
    ctx.add(BatchNormSumsGated{{}, {}, {}, pooled, slope, slope_xhat, v.gradient.sum_du, v.gradient.sum_du_xhat});
    v.gradient.pooled = pooled;
  });
  return logits;
}

Tensor cross_entropy(const Context& ctx, const Logits& logits, const Tensor& targets, float smoothing) {
  const Context::Layer layer = ctx.layer("loss");
  Tensor loss = ctx.small({1});
  if (ctx.recording()) *logits.gradient = ctx.small(logits.value.shape());
  ctx.add(CrossEntropy{logits.value, targets, smoothing, loss, *logits.gradient});
  return loss;
}

}  // namespace mcnn
