// Batch norm: from moments to what readers need, and the sums that close its gradient.
#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

constexpr float kEps = 1e-3f, kMomentum = 0.01f;

struct Forward {
  const char* name;
  int64_t channels, count;
  bool running = true;
  Values m2;
};

Norm norm_output(Workspace& s, int64_t channels) {
  return {.mean = s.parameter_output("mean", {channels}),
          .invstd = s.parameter_output("invstd", {channels}),
          .scale = s.parameter_output("scale", {channels}),
          .shift = s.parameter_output("shift", {channels})};
}

Case forward(const Forward& row) {
  return {"batch_norm_forward", row.name, [row](Workspace& s) -> AnyOperation {
            const Shape shape = {row.channels};
            const Moments m = {.mean = s.parameter(shape, normal(2)), .m2 = s.parameter(shape, row.m2)};
            const Tensor gamma = s.parameter(shape, normal()), beta = s.parameter(shape, normal());
            Tensor mean = row.running ? s.parameter_updated("running_mean", shape, normal()) : Tensor();
            Tensor var = row.running ? s.parameter_updated("running_var", shape, uniform(0.5, 2)) : Tensor();
            Norm out = norm_output(s, row.channels);
            return BatchNormForward{m, row.count, {gamma, beta, kEps, kMomentum, mean, var, out}};
          }};
}

Case frozen(const char* name, int64_t channels) {
  return {"batch_norm_frozen", name, [channels](Workspace& s) -> AnyOperation {
            const Tensor mean = s.parameter({channels}, normal(2)), var = s.parameter({channels}, uniform(1e-6, 4));
            const Tensor gamma = s.parameter({channels}, normal()), beta = s.parameter({channels}, normal());
            Norm out = norm_output(s, channels);
            return BatchNormFrozen{mean, var, gamma, beta, kEps, out};
          }};
}

Case sums_gated(const char* name, int64_t n, int64_t c, bool gated) {
  return {"batch_norm_sums_gated", name, [=](Workspace& s) -> AnyOperation {
            const auto sums = [&] { return s.parameter({n, c}, normal(10)); };
            const Tensor gate = gated ? s.parameter({n, c}, uniform(0.1, 1)) : Tensor();
            const Tensor dz_slope = gated ? sums() : Tensor(), dz_slope_xhat = gated ? sums() : Tensor();
            const Tensor pooled = s.parameter({n, c}, normal()), slope = sums(), slope_xhat = sums();
            Tensor sum_du = s.parameter_output("sum_du", {c}), sum_du_xhat = s.parameter_output("sum_du_xhat", {c});
            return BatchNormSumsGated{gate, dz_slope, dz_slope_xhat, pooled, slope, slope_xhat, sum_du, sum_du_xhat};
          }};
}

}  // namespace

Case batch_norm_sums(const BatchNormSums& row) {
  return {"batch_norm_sums", row.name, [row](Workspace& s) -> AnyOperation {
            const Shape shape = {row.n, row.h, row.w, row.c};
            const Feature x = feature(s, shape, {.act = row.act});
            const Tensor stored = s.feature(shape, normal());
            const Tensor scale = row.sample_scale ? s.parameter({row.n}, cycle({1.25, 0, 1.25})) : Tensor();
            Tensor sum_du = s.parameter_output("sum_du", {row.c}), sum_du_xhat = s.parameter_output("sum_du_xhat", {row.c});
            return mcnn::BatchNormSums{x, stored, scale, sum_du, sum_du_xhat};
          }};
}

std::vector<Case> batch_norm_cases() {
  const Values spread = uniform(50, 400);
  return {
      forward({"statistics of a batch", 24, 98, true, spread}),
      forward({"channels no multiple of a vector", 17, 98, true, spread}),
      forward({"one channel", 1, 98, true, spread}),
      forward({"no running statistics to update", 24, 98, false, spread}),
      forward({"two values: m2/(count-1) is twice m2/count", 24, 2, true, uniform(0.1, 1)}),
      forward({"zero variance: eps alone", 24, 98, true, cycle({0})}),
      forward({"count beyond 2^24", 20, 40000000, true, uniform(1e7, 1e8)}),
      frozen("running statistics", 24),
      frozen("running statistics, odd channels", 17),
      batch_norm_sums({"drop-path: a dropped sample counts for nothing", 3, 7, 5, 24}),
      batch_norm_sums({"no drop-path", 2, 7, 7, 24, false}),
      batch_norm_sums({"odd channels", 3, 13, 9, 17}),
      batch_norm_sums({"one pixel", 1, 1, 1, 20}),
      batch_norm_sums({"one channel", 2, 13, 9, 1}),
      batch_norm_sums({"many rows", 2, 40, 33, 8}),
      batch_norm_sums({"the branch has an activation", 3, 7, 5, 24, true, Activation::swish}),
      batch_norm_sums({"the branch has an activation, odd channels", 3, 13, 9, 17, true, Activation::hard_swish}),
      batch_norm_sums({"the branch has an activation, no drop-path", 2, 40, 33, 8, false, Activation::relu}),
      sums_gated("gate and pooling", 3, 24, true),
      sums_gated("gate and pooling, odd channels", 3, 17, true),
      sums_gated("global pooling: gate absent", 3, 24, false),
      sums_gated("one sample", 1, 20, true),
  };
}

}  // namespace mcnn::cases
