#include "layers/batch_norm.h"

namespace mcnn {

BatchNorm::BatchNorm(Parameters& parameters, const std::string& name, int64_t channels, BatchNormOptions options)
    : gamma_(parameters.add(name + ".weight", WeightKind::vector, {channels})),
      beta_(parameters.add(name + ".bias", WeightKind::vector, {channels})),
      running_mean_(parameters.add_buffer(name + ".running_mean", channels)),
      running_var_(parameters.add_buffer(name + ".running_var", channels)),
      options_(options) {}

Moments BatchNorm::moments(const Context& ctx) const {
  if (!uses_batch(ctx)) return {};
  return {ctx.small(gamma_.value.shape()), ctx.small(gamma_.value.shape())};
}

void BatchNorm::forward(const Context& ctx, const Moments& moments, Variable& y) const {
  const Shape channels = gamma_.value.shape();
  Norm& norm = y.value.norm;
  norm = {ctx.small(channels), ctx.small(channels), ctx.small(channels), ctx.small(channels)};
  if (uses_batch(ctx)) {
    const int64_t count = y.value.raw.rows();
    if (count < 2) fail("{}: batch norm over one value per channel has no variance; use a larger batch or image", gamma_.name);
    ctx.ops->batch_norm_forward(moments, count, gamma_.value, beta_.value, options_.eps, options_.momentum, running_mean_.value,
                                running_var_.value, norm);
  } else {
    ctx.ops->batch_norm_frozen(running_mean_.value, running_var_.value, gamma_.value, beta_.value, options_.eps, norm);
  }
  y.gradient.sum_du = beta_.gradient;
  y.gradient.sum_du_xhat = gamma_.gradient;
  y.gradient.frozen = !uses_batch(ctx);
}

}  // namespace mcnn
