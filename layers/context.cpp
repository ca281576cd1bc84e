#include "layers/context.h"

namespace mcnn {

void Context::record(std::function<void()> backward) const {
  if (!profiler || !profiler->enabled()) return tape->record(std::move(backward));
  tape->record([profiler = profiler, name = profiler->current_layer(), backward = std::move(backward)] {
    const Profiler::Span span = profiler->layer(name);
    backward();
  });
}

InputGradient& begin_input_gradient(const Context& ctx, Variable& x) {
  InputGradient& dx = x.received;
  dx.stored = ctx.feature_map(x.value.raw.shape());
  dx.add = x.add;
  if (x.value.gate) {
    dx.sum_dz_a = ctx.small(x.value.gate.shape());
    dx.sum_dz_slope = ctx.small(x.value.gate.shape());
    dx.sum_dz_slope_xhat = ctx.small(x.value.gate.shape());
  } else if (x.value.norm.defined()) {
    dx.sum_du = x.gradient.sum_du;
    dx.sum_du_xhat = x.gradient.sum_du_xhat;
  }
  x.gradient.stored = dx.stored;
  return dx;
}

}  // namespace mcnn
