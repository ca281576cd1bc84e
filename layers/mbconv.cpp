#include "layers/mbconv.h"

namespace mcnn {
namespace {

// timm names the convolutions and batch norms of a block in the order they stand, with or without the first.
struct Names {
  std::string depthwise_norm, project, project_norm;
};
Names names_of(const MBConvOptions& o) { return o.expand == 1 ? Names{".bn1", ".conv_pw", ".bn2"} : Names{".bn2", ".conv_pwl", ".bn3"}; }

std::optional<ConvNorm> make_expand(Parameters& p, const MBConvOptions& o) {
  if (o.expand == 1) return std::nullopt;
  return ConvNorm(p, o.name + ".conv_pw", o.name + ".bn1", {.in = o.in, .out = o.expanded(), .padding = {}, .act = o.act, .norm = o.norm});
}

std::optional<SqueezeExcite> make_squeeze_excite(Parameters& p, const MBConvOptions& o) {
  if (o.squeezed == 0) return std::nullopt;
  return SqueezeExcite(p, o.name + ".se", o.expanded(), o.squeezed);
}

ConvNorm make_depthwise(Parameters& p, const MBConvOptions& o) {
  return ConvNorm(p, o.name + ".conv_dw", o.name + names_of(o).depthwise_norm,
                  {.kind = WeightKind::depthwise,
                   .in = o.expanded(),
                   .out = o.expanded(),
                   .kernel = o.kernel,
                   .stride = o.stride,
                   .padding = o.padding,
                   .act = o.act,
                   .norm = o.norm});
}

ConvNorm make_project(Parameters& p, const MBConvOptions& o) {
  const Names names = names_of(o);
  return ConvNorm(p, o.name + names.project, o.name + names.project_norm,
                  {.in = o.expanded(), .out = o.out, .padding = {}, .act = Activation::identity, .norm = o.norm});
}

}  // namespace

// Members are built in the order of timm's state dict: expand, depthwise, squeeze-excite, project.
MBConv::MBConv(Parameters& p, const MBConvOptions& o)
    : options_(o),
      expand_(make_expand(p, o)),
      depthwise_(make_depthwise(p, o)),
      squeeze_excite_(make_squeeze_excite(p, o)),
      project_(make_project(p, o)) {}

Var MBConv::forward(const Context& ctx, const Var& x) const {
  Var y = expand_ ? expand_->forward(ctx, x) : x;  // (N,H,W,6*in)
  y = depthwise_.forward(ctx, y);                  // (N,H',W',6*in)
  if (squeeze_excite_) squeeze_excite_->forward(ctx, y);
  y = project_.forward(ctx, y);  // (N,H',W',out)
  return options_.skip ? residual(ctx, x, y) : y;
}

Var MBConv::residual(const Context& ctx, const Var& x, const Var& branch) const {
  const Context::Layer layer = ctx.layer(options_.name + ".residual");
  Tensor survives;  // (N) 0 or 1/keep
  if (ctx.training && options_.drop_path > 0.f) {
    survives = ctx.small({branch->value.raw.n()});
    ctx.add(DropPathScale{stream::drop_path | options_.index, options_.drop_path, survives});
  }
  const auto sum = std::make_shared<Variable>(Feature{.raw = ctx.feature_map(branch->value.raw.shape())});
  ctx.add(ResidualForward{x->value, branch->value, survives, sum->value.raw});

  ctx.record([ctx, x, branch, survives, sum] {
    const Tensor& gradient = sum->gradient.stored;
    OutputGradient& of_branch = branch->gradient;
    of_branch.stored = gradient;
    of_branch.sample_scale = survives;
    ctx.add(BatchNormSums{branch->value, gradient, survives, of_branch.sum_du, of_branch.sum_du_xhat});
    x->add = gradient;  // completed by the data gradient of x's first reader, which runs later
  });
  return sum;
}

}  // namespace mcnn
