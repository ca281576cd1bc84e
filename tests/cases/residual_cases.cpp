// The sum at the end of a block with a skip, and the numbers of drop-path.
#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

Case drop_path_scale(const char* name, int64_t n, float drop, StepState step = {.seed = 7, .step = 3}) {
  return {"drop_path_scale", name,
          [=](Workspace& s) -> AnyOperation {
            Tensor scale = s.parameter_output("scale", {n});
            return DropPathScale{11, drop, scale};
          },
          step};
}

}  // namespace

Case residual_forward(const Residual& row) {
  return {"residual_forward", row.name, [row](Workspace& s) -> AnyOperation {
            const Shape shape = {row.n, row.h, row.w, row.c};
            const Feature x = feature(s, shape, row.x), branch = feature(s, shape, row.branch);
            const Tensor scale = row.sample_scale ? s.parameter({row.n}, cycle({1.25, 0, 1.25})) : Tensor();
            Tensor y = s.feature_output("y", shape);
            return ResidualForward{x, branch, scale, y};
          }};
}

std::vector<Case> residual_cases() {
  return {
      residual_forward({"a sum and its branch, one sample dropped", 3, 7, 5, 24}),
      residual_forward({"no drop-path", 2, 7, 7, 24, kImage, kLinear, false}),
      residual_forward({"x is a block's project: linear with norm", 3, 7, 5, 24, kLinear}),
      residual_forward({"activations and a gate on both sides", 3, 7, 5, 24, kRelu6, kGated}),
      residual_forward({"hard_swish and relu", 3, 7, 5, 24, kHardSwish, kRelu}),
      residual_forward({"relu and hard_swish at their kinks", 1, 13, 9, 17, kinks(Activation::relu), kinks(Activation::hard_swish)}),
      residual_forward({"odd channels", 3, 13, 9, 17}),
      residual_forward({"one channel", 2, 13, 9, 1}),
      residual_forward({"one pixel", 1, 1, 1, 20}),
      residual_forward({"many rows", 2, 40, 33, 8}),
      drop_path_scale("a third of the samples dropped", 33, 0.3f),
      drop_path_scale("one sample", 1, 0.3f),
      drop_path_scale("nothing dropped", 5, 0.f),
      drop_path_scale("seed beyond 32 bits, late step", 64, 0.5f, {.seed = 0x123456789abcdefull, .step = 4000000000u}),
  };
}

}  // namespace mcnn::cases
