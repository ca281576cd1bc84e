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

NormUpdate BatchNorm::forward(const Context& ctx, Variable& y) const {
  const Shape channels = gamma_.value.shape();
  Norm& norm = y.value.norm;
  norm = {ctx.small(channels), ctx.small(channels), ctx.small(channels), ctx.small(channels)};
  y.gradient.sum_du = beta_.gradient;
  y.gradient.sum_du_xhat = gamma_.gradient;
  y.gradient.frozen = !uses_batch(ctx);
  if (!uses_batch(ctx)) {
    ctx.add_of_parameters(BatchNormFrozen{running_mean_.value, running_var_.value, gamma_.value, beta_.value, options_.eps, norm});
    return {};
  }
  if (y.value.raw.rows() < 2) fail("{}: batch norm over one value per channel has no variance; use a larger batch or image", gamma_.name);
  return {gamma_.value, beta_.value, options_.eps, options_.momentum, running_mean_.value, running_var_.value, norm};
}

}  // namespace mcnn
