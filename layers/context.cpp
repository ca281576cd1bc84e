#include "layers/context.h"

namespace mcnn {

Context Context::of(Program& program, Tape& tape, const Parameters& parameters, DType storage, bool training) {
  Context ctx{&program, &tape, &parameters, storage, training};
  if (size_of(storage) != 2) return ctx;
  const Tensor values = parameters.product_weights();
  ctx.stored_weights = program.tensor(values.shape(), storage);
  const Layer layer = ctx.layer("weights");
  ctx.add_of_parameters(StoreWeights{values, ctx.stored_weights});
  return ctx;
}

Tensor Context::product_weight(const NamedTensor& weight) const {
  return stored_weights.defined() ? parameters->part(stored_weights, weight) : weight.value;
}

Tensor Context::packed_weight(const Tensor& product_weight) const {
  if (training) return {};
  const int64_t bytes = parameters->ops().packed_weight_bytes(product_weight.dim(0), product_weight.dim(1), product_weight.dtype());
  if (bytes == 0) return {};
  const Tensor packed = program->tensor({bytes}, DType::u8);
  add_of_parameters(PackWeights{product_weight, packed});
  return packed;
}

void Context::record(std::function<void()> backward) const {
  tape->record([program = program, name = program->layer(), backward = std::move(backward)] {
    const Layer layer(*program, name);
    backward();
  });
}

InputGradient begin_input_gradient(const Context& ctx, Variable& x) {
  if (!x.requires_gradient) return {};
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
