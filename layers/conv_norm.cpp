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
      weight_(parameters.add(conv_name + ".weight", options.kind, weight_shape(options), options.kind != WeightKind::depthwise)),
      norm_(parameters, norm_name, options.out, options.norm),
      options_(options) {}

Var ConvNorm::forward(const Context& ctx, const Var& x) const {
  const Context::Layer layer = ctx.layer(name_);
  const auto [geometry, shape] = extent(options_, x->value.raw.shape());
  const auto y = std::make_shared<Variable>(Feature{.raw = ctx.feature_map(shape), .act = options_.act});
  const Moments moments = norm_.moments(ctx);
  const NormUpdate norm = norm_.forward(ctx, *y);
  switch (options_.kind) {
    case WeightKind::pointwise: {
      const Tensor w = ctx.product_weight(weight_);
      ctx.add(PointwiseForward{x->value, w, y->value.raw, moments, norm, ctx.packed_weight(w)});
      break;
    }
    case WeightKind::depthwise: ctx.add(DepthwiseForward{x->value, weight_.value, geometry, y->value.raw, moments, norm}); break;
    default: ctx.add(DenseForward{x->value, ctx.product_weight(weight_), geometry, y->value.raw, moments, norm}); break;
  }
  ctx.record([this, ctx, x, y] { backward(ctx, *x, *y); });
  return y;
}

void ConvNorm::backward(const Context& ctx, Variable& x, Variable& y) const {
  const ConvGeometry geometry = extent(options_, x.value.raw.shape()).geometry;
  const InputGradient dx = begin_input_gradient(ctx, x);
  const OutputGradient dy = y.output_gradient();
  const Tensor& dw = weight_.gradient;
  switch (options_.kind) {
    case WeightKind::pointwise: ctx.add(PointwiseBackward{x.value, ctx.product_weight(weight_), dy, dw, dx}); break;
    case WeightKind::depthwise: ctx.add(DepthwiseBackward{x.value, weight_.value, geometry, dy, dw, dx}); break;
    default: ctx.add(DenseBackward{x.value, ctx.product_weight(weight_), geometry, dy, dw, dx}); break;
  }
}

}  // namespace mcnn
