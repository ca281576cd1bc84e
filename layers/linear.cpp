#include "layers/linear.h"

namespace mcnn {
namespace {

std::vector<int64_t> weight_shape(const LinearOptions& o) {
  return o.kind == WeightKind::pointwise ? std::vector<int64_t>{o.out, o.in, 1, 1} : std::vector<int64_t>{o.out, o.in};
}

}  // namespace

Linear::Linear(Parameters& parameters, const std::string& name, const LinearOptions& options)
    : name_(name),
      weight_(parameters.add(name + ".weight", options.kind, weight_shape(options))),
      bias_(parameters.add(name + ".bias", WeightKind::vector, {options.out})),
      act_(options.act) {}

Vectors Linear::forward(const Context& ctx, const Vectors& x) const {
  const Context::Layer layer = ctx.layer(name_);
  const auto y = std::make_shared<VectorsVariable>();
  y->value = ctx.small({x->value.dim(0), bias_.value.size()});
  y->act = act_;
  ctx.add(LinearForward{x->value, weight_.value, bias_.value, y->value, x->act});

  ctx.record([this, ctx, x, y] {
    x->gradient = ctx.small(x->value.shape());
    ctx.add(LinearBackward{x->value, weight_.value, y->gradient, x->gradient_scale, weight_.gradient, bias_.gradient, x->gradient, x->act});
  });
  return y;
}

}  // namespace mcnn
