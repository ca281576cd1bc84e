#include "layers/conv_norm.h"

namespace mcnn {
namespace {

std::vector<int64_t> weight_shape(const ConvNormOptions& o) {
  return {o.out, o.kind == WeightKind::depthwise ? 1 : o.in, o.kernel, o.kernel};
}

struct Extent {
  ConvGeometry geometry;
  Shape out;
};
Extent extent(const ConvNormOptions& o, const Shape& in) {
  const auto [top, height] = o.padding.vertical.fit(in[1], o.kernel, o.stride);
  const auto [left, width] = o.padding.horizontal.fit(in[2], o.kernel, o.stride);
  return {{o.kernel, o.stride, top, left}, {in[0], height, width, o.out}};
}

}  // namespace

ConvNorm::ConvNorm(Parameters& parameters, const std::string& conv_name, const std::string& norm_name, const ConvNormOptions& options)
    : name_(conv_name),
      weight_(parameters.add(conv_name + ".weight", options.kind, weight_shape(options))),
      norm_(parameters, norm_name, options.out, options.norm),
      options_(options) {}

Var ConvNorm::forward(const Context& ctx, const Var& x) const {
  const Profiler::Span span = ctx.layer(name_);
  const auto [geometry, shape] = extent(options_, x->value.raw.shape());
  const auto y = std::make_shared<Variable>(Feature{.raw = ctx.feature_map(shape), .act = options_.act});
  Moments moments = norm_.moments(ctx);
  Moments* wanted = moments.defined() ? &moments : nullptr;
  switch (options_.kind) {
    case WeightKind::pointwise: ctx.ops->pointwise_forward(x->value, weight_.value, y->value.raw, wanted); break;
    case WeightKind::depthwise: ctx.ops->depthwise_forward(x->value, weight_.value, geometry, y->value.raw, wanted); break;
    default: ctx.ops->dense_forward(x->value, weight_.value, geometry, y->value.raw, wanted); break;
  }
  norm_.forward(ctx, moments, *y);
  ctx.record([this, ctx, x, y] { backward(ctx, *x, *y); });
  return y;
}

void ConvNorm::backward(const Context& ctx, Variable& x, Variable& y) const {
  const ConvGeometry geometry = extent(options_, x.value.raw.shape()).geometry;
  InputGradient* dx = x.wants_gradient ? &begin_input_gradient(ctx, x) : nullptr;
  Tensor dw = weight_.gradient;
  switch (options_.kind) {
    case WeightKind::pointwise: ctx.ops->pointwise_backward(x.value, weight_.value, y.gradient, dw, dx); break;
    case WeightKind::depthwise: ctx.ops->depthwise_backward(x.value, weight_.value, geometry, y.gradient, dw, dx); break;
    default: ctx.ops->dense_backward(x.value, weight_.value, geometry, y.gradient, dw, dx); break;
  }
}

}  // namespace mcnn
