#include "layers/residual.h"

#include "runtime/philox.h"

namespace mcnn {

Var residual(const Context& ctx, const std::string& name, float drop_path, uint32_t block, const Var& x, const Var& branch) {
  const Context::Layer layer = ctx.layer(name);
  Tensor survives;  // (N) 0 or 1/keep
  if (ctx.training && drop_path > 0.f) {
    survives = ctx.small({branch->value.raw.n()});
    ctx.add(DropPathScale{stream::drop_path | block, drop_path, survives});
  }
  const auto sum = std::make_shared<Variable>(Feature{.raw = ctx.feature_map(branch->value.raw.shape())});
  ctx.add(ResidualForward{x->value, branch->value, survives, sum->value.raw});

  ctx.record([ctx, x, branch, survives, sum] {
    const Tensor& gradient = sum->gradient.stored;
    OutputGradient& of_branch = branch->gradient;
    of_branch.stored = gradient;
    of_branch.sample_scale = survives;
    of_branch.through_act = branch->value.act != Activation::identity;
    ctx.add(BatchNormSums{branch->value, gradient, survives, of_branch.sum_du, of_branch.sum_du_xhat});
    x->add = gradient;  // the data gradient of x's first reader, which runs later, adds it
  });
  return sum;
}

}  // namespace mcnn
