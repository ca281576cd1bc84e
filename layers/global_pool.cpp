#include "layers/global_pool.h"

namespace mcnn {

Vectors global_pool(const Context& ctx, const std::string& name, const Var& x) {
  const Context::Layer layer = ctx.layer(name);
  const Tensor& raw = x->value.raw;
  const Shape per_channel{raw.n(), raw.c()};
  const auto mean = std::make_shared<VectorsVariable>();
  mean->value = ctx.small(per_channel);
  mean->gradient_scale = 1.f / static_cast<float>(raw.h() * raw.w());
  Tensor slope, slope_xhat;  // (N,C)
  if (ctx.recording()) {
    slope = ctx.small(per_channel);
    slope_xhat = ctx.small(per_channel);
  }
  ctx.add(PoolForward{x->value, mean->value, slope, slope_xhat});

  ctx.record([ctx, x, mean, slope, slope_xhat] {
    OutputGradient& of_x = x->gradient;
    ctx.add(BatchNormSumsGated{{}, {}, {}, mean->gradient, slope, slope_xhat, of_x.sum_du, of_x.sum_du_xhat});
    of_x.pooled = mean->gradient;
    of_x.through_act = true;
  });
  return mean;
}

}  // namespace mcnn
