#include "layers/dropout.h"

#include "runtime/philox.h"

namespace mcnn {

Vectors dropout(const Context& ctx, const std::string& name, float rate, const Vectors& x) {
  if (!ctx.training || rate <= 0.f) return x;
  const Context::Layer layer = ctx.layer(name);
  const auto y = std::make_shared<VectorsVariable>();
  y->value = ctx.small(x->value.shape());
  y->gradient_scale = x->gradient_scale;
  ctx.add(Dropout{x->value, stream::dropout, rate, y->value, x->act});

  ctx.record([ctx, rate, x, y] {
    x->gradient = ctx.small(x->value.shape());
    const Tensor u = x->act == Activation::identity ? Tensor() : x->value;
    ctx.add(Dropout{y->gradient, stream::dropout, rate, x->gradient, x->act, u});
  });
  return y;
}

}  // namespace mcnn
