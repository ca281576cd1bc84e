// Pooling and squeeze-excite.
#include "tests/cases/cases.h"

namespace mcnn::cases {

Case pool_forward(const Pool& row) {
  return {"pool_forward", row.name, [row](Workspace& s) -> AnyOperation {
            const Feature x = feature(s, {row.n, row.h, row.w, row.c}, row.x);
            const Shape out = {row.n, row.c};
            Tensor mean = s.parameter_output("mean", out);
            Tensor slope = row.slopes ? s.parameter_output("slope", out) : Tensor();
            Tensor slope_xhat = row.slopes && row.x.norm ? s.parameter_output("slope_xhat", out) : Tensor();
            return PoolForward{x, mean, slope, slope_xhat};
          }};
}

Case squeeze_excite_forward(const SqueezeExcite& row) {
  return {"squeeze_excite_forward", row.name, [row](Workspace& s) -> AnyOperation {
            const int64_t n = row.n, c = row.c, r = row.reduced;
            const Tensor mean = s.parameter({n, c}, normal());
            const Tensor w1 = s.parameter({c, r}, normal(1 / std::sqrt(c))), b1 = s.parameter({r}, normal());
            const Tensor w2 = s.parameter({r, c}, normal(1 / std::sqrt(r))), b2 = s.parameter({c}, normal());
            Tensor hidden = s.parameter_output("hidden", {n, r}), gate = s.parameter_output("gate", {n, c});
            return SqueezeExciteForward{mean, w1, b1, w2, b2, hidden, gate, row.act, row.function};
          }};
}

Case squeeze_excite_backward(const SqueezeExcite& row) {
  return {"squeeze_excite_backward", row.name, [row](Workspace& s) -> AnyOperation {
            const int64_t n = row.n, c = row.c, r = row.reduced, pixels = 49;
            const Tensor mean = s.parameter({n, c}, normal());
            const Tensor w1 = s.parameter({c, r}, normal(1 / std::sqrt(c))), w2 = s.parameter({r, c}, normal(1 / std::sqrt(r)));
            const Tensor hidden = s.parameter({n, r}, normal()), gate = s.parameter({n, c}, row.gate);
            const Tensor sum_dz_a = s.parameter({n, c}, normal(5));
            Tensor dw1 = s.parameter_output("dw1", {c, r}), db1 = s.parameter_output("db1", {r});
            Tensor dw2 = s.parameter_output("dw2", {r, c}), db2 = s.parameter_output("db2", {c});
            Tensor pooled = s.parameter_output("pooled", {n, c});
            return SqueezeExciteBackward{mean, w1, w2, hidden, gate, sum_dz_a, pixels, dw1, db1, dw2, db2, pooled, row.act, row.function};
          }};
}

std::vector<Case> squeeze_excite_cases() {
  std::vector<Case> cases = {
      pool_forward({"swish", 2, 7, 7, 24}),
      pool_forward({"relu6", 2, 7, 7, 24, kRelu6}),
      pool_forward({"without norm: no slope_xhat", 2, 7, 7, 24, {.norm = false}}),
      pool_forward({"x's gate is not applied", 2, 7, 7, 24, kGated}),
      pool_forward({"swish where exp overflows", 1, 13, 9, 17, kSaturated}),
      pool_forward({"relu6 at its kinks: slope 0", 1, 13, 9, 17, kinks(Activation::relu6)}),
      pool_forward({"relu", 2, 7, 7, 24, kRelu}),
      pool_forward({"relu at its kink: slope 0", 1, 13, 9, 17, kinks(Activation::relu)}),
      pool_forward({"hard_swish", 2, 7, 7, 24, kHardSwish}),
      pool_forward({"hard_swish at its kinks: slopes 0 and 1", 1, 13, 9, 17, kinks(Activation::hard_swish)}),
      pool_forward({"evaluation: no slopes wanted", 2, 7, 7, 24, kSwish, false}),
      pool_forward({"odd channels, odd size", 3, 13, 9, 17}),
      pool_forward({"one pixel", 3, 1, 1, 20}),
      pool_forward({"wide and low", 1, 5, 75, 8}),
      pool_forward({"many channels: the head", 2, 7, 7, 448}),
      pool_forward({"one channel", 2, 7, 7, 1}),
  };
  const Values open_and_shut = cycle({0, 1, 0.5, 0.02, 0.98, 0.25, 0.75});  // of which the first two have slope 0
  const std::vector<SqueezeExcite> both = {
      {"B0's first block", 2, 32, 8},
      {"B4's widest block", 3, 672, 28},
      {"odd widths", 3, 17, 3},
      {"one reduced channel", 2, 24, 1},
      {"one sample", 1, 48, 12},
      {"one of everything", 1, 1, 1},
      {"more samples than a tile", 33, 20, 6},
      {"MobileNetV3's: relu, hard_sigmoid", 3, 72, 24, Activation::relu, GateFunction::hard_sigmoid, open_and_shut},
      {"relu, hard_sigmoid, odd widths", 5, 17, 3, Activation::relu, GateFunction::hard_sigmoid, open_and_shut},
      {"relu, sigmoid", 2, 32, 8, Activation::relu},
      {"swish, hard_sigmoid", 2, 32, 8, Activation::swish, GateFunction::hard_sigmoid, open_and_shut},
  };
  for (const SqueezeExcite& row : both) cases.push_back(squeeze_excite_forward(row));
  for (const SqueezeExcite& row : both) cases.push_back(squeeze_excite_backward(row));
  return cases;
}

}  // namespace mcnn::cases
