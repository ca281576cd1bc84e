// The operands and rules of the groups that operations share: Feature, OutputGradient, InputGradient, Moments, NormUpdate.
// Next: checked_ops.cpp enforces the rules.
#include "kernels/operation.h"

namespace mcnn {

std::string OperandName::str() const { return *group ? fmt::format("{}.{}", group, member) : std::string(member); }

void Operands::input(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type, std::string because) {
  pass("", name, x, Access::read, {shape, type, std::move(because)});
}
void Operands::output(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type, std::string because) {
  pass("", name, x, Access::write, {shape, type, std::move(because)});
}
void Operands::update(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type) {
  pass("", name, x, Access::update, {shape, type, {}});
}
void Operands::optional_input(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type) {
  if (x.defined()) input(name, x, shape, type);
}
void Operands::optional_output(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type) {
  if (x.defined()) output(name, x, shape, type);
}

void Operands::rank(const char* name, const Tensor& x, int rank) {
  require(x.defined(), "{} is absent", name);
  require(!x.defined() || (x.shape().rank() == rank && x.size() > 0), "{} is {}, expected {} axes, none of length 0", name, x.shape().str(),
          rank);
}

void Operands::absent(const char* name, const Tensor& x, const char* because) {
  require(!x.defined(), "{} is given, but {}", name, because);
}

void Operands::feature(const char* name, Feature& x) {
  const OperandName raw{name, "raw"};
  if (!x.raw.defined() || x.raw.shape().rank() != 4 || x.raw.size() == 0) rank(raw.str().c_str(), x.raw, 4);
  storage(raw, x.raw.dtype());
  pass(name, "raw", x.raw, Access::read, {x.raw.shape(), x.raw.dtype(), {}});
  const Norm& n = x.norm;
  if (n.mean.defined() || n.invstd.defined() || n.scale.defined() || n.shift.defined()) norm(name, x.norm, x.raw.c(), Access::read);
  optional(name, "gate", x.gate, Access::read, {x.raw.n(), x.raw.c()});
}

void Operands::output_gradient(OutputGradient& dy, const Shape& shape, DType storage) {
  Feature& y = dy.of;
  feature("dy.of", y);
  require(y.raw.shape() == shape, "dy.of.raw is {}, expected {} the output's shape", y.raw.shape().str(), shape.str());
  require(y.raw.dtype() == storage, "dy.of.raw holds {}, expected {}", name_of(y.raw.dtype()), name_of(storage));
  const Shape per_sample = {shape[0], shape[3]}, channels = {shape[3]};
  if (dy.pooled.defined()) {
    pass("dy", "pooled", dy.pooled, Access::read, {per_sample, {}, {}});
    require(dy.through_act, "dy.pooled is given, but dy.through_act is false");
    absent("dy.sample_scale", dy.sample_scale, "du is formed through a gate or a pooling");
    require(dy.stored.defined() || !y.gate.defined(), "dy.stored is absent, but dy.of has a gate");
  } else {
    absent("dy.of.gate", y.gate, "dy.pooled is not");
  }
  if (dy.stored.defined() || !dy.pooled.defined()) pass("dy", "stored", dy.stored, Access::read, {shape, storage, {}});
  optional("dy", "sample_scale", dy.sample_scale, Access::read, {shape[0]});
  if (!y.norm.defined() || dy.frozen) return;
  pass("dy", "sum_du", dy.sum_du, Access::read, {channels, {}, {}});
  pass("dy", "sum_du_xhat", dy.sum_du_xhat, Access::read, {channels, {}, {}});
}

void Operands::input_gradient(InputGradient& dx, const Feature& x) {
  if (!dx.requested()) return;
  const Shape shape = x.raw.shape(), per_sample = {shape[0], shape[3]}, channels = {shape[3]};
  pass("dx", "stored", dx.stored, Access::write, {shape, x.raw.dtype(), {}});
  if (dx.add.defined()) pass("dx", "add", dx.add, Access::read, {shape, x.raw.dtype(), {}});
  if (x.gate.defined()) {
    absent("dx.sum_du", dx.sum_du, "x has a gate");
    absent("dx.sum_du_xhat", dx.sum_du_xhat, "x has a gate");
  } else {
    absent("dx.sum_dz_a", dx.sum_dz_a, "x has no gate");
    absent("dx.sum_dz_slope", dx.sum_dz_slope, "x has no gate");
    absent("dx.sum_dz_slope_xhat", dx.sum_dz_slope_xhat, "x has no gate");
  }
  if (!x.norm.defined()) {
    absent("dx.sum_du", dx.sum_du, "x has no norm");
    absent("dx.sum_du_xhat", dx.sum_du_xhat, "x has no norm");
    absent("dx.sum_dz_slope_xhat", dx.sum_dz_slope_xhat, "x has no norm");
  }
  optional("dx", "sum_du", dx.sum_du, Access::write, channels);
  optional("dx", "sum_du_xhat", dx.sum_du_xhat, Access::write, channels);
  optional("dx", "sum_dz_a", dx.sum_dz_a, Access::write, per_sample);
  optional("dx", "sum_dz_slope", dx.sum_dz_slope, Access::write, per_sample);
  optional("dx", "sum_dz_slope_xhat", dx.sum_dz_slope_xhat, Access::write, per_sample);
}

void Operands::moments(Moments& m, int64_t channels) {
  if (!m.mean.defined() && !m.m2.defined()) return;
  pass("moments", "mean", m.mean, Access::write, {{channels}, {}, {}});
  pass("moments", "m2", m.m2, Access::write, {{channels}, {}, {}});
}

void Operands::norm(const char* group, Norm& norm, int64_t channels, Access access) {
  const Expected of_channels = {{channels}, {}, {}};
  pass(group, "norm.mean", norm.mean, access, of_channels);
  pass(group, "norm.invstd", norm.invstd, access, of_channels);
  pass(group, "norm.scale", norm.scale, access, of_channels);
  pass(group, "norm.shift", norm.shift, access, of_channels);
}

void Operands::norm_update(NormUpdate& update, int64_t channels) {
  if (!update.requested()) return;
  const Expected of_channels = {{channels}, {}, {}};
  pass("", "gamma", update.gamma, Access::read, of_channels);
  pass("", "beta", update.beta, Access::read, of_channels);
  optional("", "running_mean", update.running_mean, Access::update, of_channels.shape);
  optional("", "running_var", update.running_var, Access::update, of_channels.shape);
  norm("", update.norm, channels, Access::write);
}

int64_t operand_bytes(const OperationRef& operation) {
  int64_t bytes = 0;
  for_each_operand(operation, [&](const OperandName&, const Tensor& x, Access access) {
    bytes += static_cast<int64_t>(x.bytes()) * (access == Access::update ? 2 : 1);
  });
  return bytes;
}

}  // namespace mcnn
