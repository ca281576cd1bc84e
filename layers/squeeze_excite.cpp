#include "layers/squeeze_excite.h"

namespace mcnn {

SqueezeExcite::SqueezeExcite(Parameters& parameters, const std::string& name, const SqueezeExciteOptions& o)
    : name_(name),
      w1_(parameters.add(name + ".conv_reduce.weight", WeightKind::pointwise, {o.squeezed, o.channels, 1, 1})),
      b1_(parameters.add(name + ".conv_reduce.bias", WeightKind::vector, {o.squeezed})),
      w2_(parameters.add(name + ".conv_expand.weight", WeightKind::pointwise, {o.channels, o.squeezed, 1, 1})),
      b2_(parameters.add(name + ".conv_expand.bias", WeightKind::vector, {o.channels})),
      act_(o.act),
      function_(o.gate) {}

void SqueezeExcite::forward(const Context& ctx, const Var& x) const {
  const Context::Layer layer = ctx.layer(name_);
  const Tensor& raw = x->value.raw;
  const Shape per_channel{raw.n(), raw.c()};
  Tensor mean = ctx.small(per_channel), slope, slope_xhat;  // (N,C)
  if (ctx.recording()) {
    slope = ctx.small(per_channel);
    slope_xhat = ctx.small(per_channel);
  }
  ctx.add(PoolForward{x->value, mean, slope, slope_xhat});

  Tensor hidden = ctx.small({raw.n(), b1_.value.size()});  // (N,R)
  Tensor gate = ctx.small(per_channel);                    // (N,C)
  ctx.add(SqueezeExciteForward{mean, w1_.value, b1_.value, w2_.value, b2_.value, hidden, gate, act_, function_});
  x->value.gate = gate;

  ctx.record([this, ctx, x, mean, slope, slope_xhat, hidden] {
    Variable& v = *x;
    Tensor pooled = ctx.small(v.value.gate.shape());
    Tensor dw1 = w1_.gradient, db1 = b1_.gradient, dw2 = w2_.gradient, db2 = b2_.gradient;
    const int64_t pixels = v.value.raw.h() * v.value.raw.w();
    ctx.add(SqueezeExciteBackward{mean, w1_.value, w2_.value, hidden, v.value.gate, v.received.sum_dz_a, pixels, dw1, db1, dw2, db2, pooled,
                                  act_, function_});
    ctx.add(BatchNormSumsGated{v.value.gate, v.received.sum_dz_slope, v.received.sum_dz_slope_xhat, pooled, slope, slope_xhat,
                               v.gradient.sum_du, v.gradient.sum_du_xhat});
    v.gradient.pooled = pooled;
    v.gradient.through_act = true;
  });
}

}  // namespace mcnn
