// Features and gradients with values under which every part of their formulas matters.
#include "tests/cases/readings.h"

namespace mcnn::cases {

// The four are independent of each other: an operation that derives one from another is found out.
Norm norm(Workspace& s, int64_t channels) {
  return {.mean = s.parameter({channels}, normal(0.5)),
          .invstd = s.parameter({channels}, uniform(0.5, 1.5)),
          .scale = s.parameter({channels}, uniform(-3, 3)),   // u passes every kink
          .shift = s.parameter({channels}, uniform(-1, 4))};  // a padded tap that reads act(shift) shows
}

Feature feature(Workspace& s, const Shape& shape, const Reading& reading) {
  Feature x{.raw = s.feature(shape, reading.raw), .norm = {}, .act = reading.act, .gate = {}};
  if (reading.norm) x.norm = norm(s, shape[3]);
  if (reading.gate) x.gate = s.parameter({shape[0], shape[3]}, uniform(0.1, 1));
  return x;
}

OutputGradient gradient(Workspace& s, const Shape& shape, Form form, Activation act) {
  const bool linear = form == Form::drop_path || form == Form::drop_path_frozen;
  const bool branch = form == Form::branch || form == Form::branch_frozen;
  const bool gated = form == Form::gated || form == Form::gated_frozen || form == Form::gated_no_norm;
  const bool pooled = form == Form::pooled || form == Form::pooled_frozen;
  const bool frozen = form == Form::frozen || form == Form::drop_path_frozen || form == Form::branch_frozen || form == Form::gated_frozen ||
                      form == Form::pooled_frozen;
  const bool has_norm = form != Form::no_norm && form != Form::gated_no_norm;

  OutputGradient g;
  g.of = feature(s, shape, {.norm = has_norm, .act = linear ? Activation::identity : act, .gate = gated});
  if (!pooled) g.stored = s.feature(shape, normal());
  if (linear || branch) g.sample_scale = s.parameter({shape[0]}, cycle({1.25, 0, 1.25}));
  if (gated || pooled) g.pooled = s.parameter({shape[0], shape[3]}, normal(0.3));
  if (has_norm && !frozen) {  // of a size at which dropping either shows
    const auto count = static_cast<double>(shape[0] * shape[1] * shape[2]);
    g.sum_du = s.parameter({shape[3]}, normal(0.5 * count));
    g.sum_du_xhat = s.parameter({shape[3]}, normal(0.5 * count));
  }
  g.frozen = frozen;
  g.through_act = branch || gated || pooled;
  return g;
}

InputGradient input_gradient(Workspace& s, const Feature& x, bool add) {
  const Shape shape = x.raw.shape(), per_sample = {shape[0], shape[3]}, per_channel = {shape[3]};
  InputGradient dx;
  if (add) dx.add = s.feature(shape, normal());
  dx.stored = s.feature_output("dx", shape);
  if (x.gate.defined()) {
    dx.sum_dz_a = s.parameter_output("sum_dz_a", per_sample);
    dx.sum_dz_slope = s.parameter_output("sum_dz_slope", per_sample);
    if (x.norm.defined()) dx.sum_dz_slope_xhat = s.parameter_output("sum_dz_slope_xhat", per_sample);
  } else if (x.norm.defined()) {
    dx.sum_du = s.parameter_output("sum_du", per_channel);
    dx.sum_du_xhat = s.parameter_output("sum_du_xhat", per_channel);
  }
  return dx;
}

Moments moments(Workspace& s, int64_t channels) {
  return {.mean = s.parameter_output("mean", {channels}), .m2 = s.parameter_output("m2", {channels})};
}

}  // namespace mcnn::cases
