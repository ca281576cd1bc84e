// 1x1 convolution: shapes that end inside tiles and vectors, and every form of operand and gradient.
#include "tests/cases/cases.h"

namespace mcnn::cases {

Case pointwise_forward(const Pointwise& row) {
  return {"pointwise_forward", row.name, [row](Workspace& s) -> AnyOperation {
            const Feature x = feature(s, {row.n, row.h, row.w, row.in}, row.x);
            const Tensor w = s.product_weight({row.in, row.out}, normal(1 / std::sqrt(row.in)));
            Tensor y = s.feature_output("y", {row.n, row.h, row.w, row.out});
            Moments m = row.moments ? moments(s, row.out) : Moments{};
            return PointwiseForward{x, w, y, m};
          }};
}

Case pointwise_backward(const Pointwise& row) {
  return {"pointwise_backward", row.name, [row](Workspace& s) -> AnyOperation {
            const Feature x = feature(s, {row.n, row.h, row.w, row.in}, row.x);
            const Tensor w = s.product_weight({row.in, row.out}, normal(1 / std::sqrt(row.out)));
            const OutputGradient dy = gradient(s, {row.n, row.h, row.w, row.out}, row.dy, row.dy_act);
            Tensor dw = row.dw ? s.parameter_output("dw", {row.in, row.out}) : Tensor();
            InputGradient dx = row.dx ? input_gradient(s, x, row.add) : InputGradient{};
            return PointwiseBackward{x, w, dy, dw, dx};
          }};
}

std::vector<Case> pointwise_cases() {
  const std::vector<Pointwise> forward = {
      // what would be broken                              n   h   w   in   out
      {"a single value", 1, 1, 1, 1, 1, kImage},
      {"fewer channels than a vector", 2, 7, 7, 3, 8},
      {"odd channels: tails in both directions", 2, 13, 9, 17, 19},
      {"expand: a feature without norm", 2, 7, 7, 24, 144, kImage},
      {"norm without activation", 2, 7, 7, 24, 40, kLinear},
      {"relu6", 2, 7, 7, 24, 40, kRelu6},
      {"project: gate of each sample", 3, 7, 5, 144, 24, kGated},
      {"project: gate over relu6", 3, 7, 5, 48, 20, kGatedRelu6},
      {"gate without activation", 2, 3, 3, 20, 17, kGatedLinear},
      {"gate without norm", 2, 3, 3, 20, 17, kGatedNoNorm},
      {"swish where exp overflows", 1, 13, 9, 17, 8, kSaturated},
      {"relu6 at its kinks", 1, 13, 9, 17, 8, kinks(Activation::relu6)},
      {"relu", 2, 7, 7, 24, 40, kRelu},
      {"hard_swish", 2, 7, 7, 24, 40, kHardSwish},
      {"hard_swish at its kinks", 1, 13, 9, 17, 8, kinks(Activation::hard_swish)},
      {"project: gate over hard_swish", 3, 7, 5, 48, 20, kGatedHardSwish},
      {"evaluation: no moments wanted", 2, 7, 7, 24, 40, kSwish, false},
      {"one pixel", 1, 1, 1, 48, 20},
      {"one pixel per sample", 5, 1, 1, 48, 20},
      {"rows no multiple of a tile", 1, 5, 75, 20, 48},
      {"more rows than a block", 2, 40, 33, 8, 20},
      {"many output channels: the head", 2, 3, 3, 112, 448},
      {"many input channels", 2, 3, 3, 672, 20},
      {"few rows: output channels shared out", 2, 17, 15, 100, 200},
      {"one input channel", 1, 13, 9, 1, 17},
      {"one output channel", 1, 13, 9, 17, 1},
      // E[y^2] - E[y]^2 in fp32 would lose 4 digits here
      {"moments far from zero", 2, 20, 20, 8, 20, {.norm = false, .act = Activation::identity, .raw = normal(1, 30)}},
  };
  const std::vector<Pointwise> backward = {
      {.name = "a single value", .n = 1, .h = 1, .w = 1, .in = 1, .out = 1, .dy = Form::no_norm},
      {.name = "fewer channels than a vector", .n = 2, .h = 7, .w = 7, .in = 3, .out = 8},
      {.name = "odd channels: tails in both directions", .n = 2, .h = 13, .w = 9, .in = 17, .out = 19},
      {.name = "x without norm: no sums", .n = 2, .h = 7, .w = 7, .in = 24, .out = 144, .x = kImage},
      {.name = "x without norm, skip added", .n = 2, .h = 7, .w = 7, .in = 24, .out = 144, .x = kImage, .add = true},
      {.name = "x linear with norm", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .x = kLinear},
      {.name = "x relu6", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .x = kRelu6},
      {.name = "x swish, skip added before act'", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .add = true},
      {.name = "x gated: stores dz and three sums", .n = 3, .h = 7, .w = 5, .in = 144, .out = 24, .x = kGated},
      {.name = "x gated relu6", .n = 3, .h = 7, .w = 5, .in = 48, .out = 20, .x = kGatedRelu6},
      {.name = "x gated linear", .n = 2, .h = 3, .w = 3, .in = 20, .out = 17, .x = kGatedLinear},
      {.name = "x gated, skip added", .n = 2, .h = 3, .w = 3, .in = 20, .out = 17, .x = kGated, .add = true},
      {.name = "x gated without norm", .n = 2, .h = 3, .w = 3, .in = 20, .out = 17, .x = kGatedNoNorm},
      {.name = "x swish where exp overflows", .n = 1, .h = 13, .w = 9, .in = 17, .out = 8, .x = kSaturated},
      {.name = "x relu6 at its kinks: slope 0", .n = 1, .h = 13, .w = 9, .in = 17, .out = 8, .x = kinks(Activation::relu6)},
      {.name = "x relu", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .x = kRelu},
      {.name = "x relu at its kink: slope 0", .n = 1, .h = 13, .w = 9, .in = 17, .out = 8, .x = kinks(Activation::relu)},
      {.name = "x hard_swish", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .x = kHardSwish},
      {.name = "x hard_swish at its kinks: slopes 0 and 1",
       .n = 1,
       .h = 13,
       .w = 9,
       .in = 17,
       .out = 8,
       .x = kinks(Activation::hard_swish)},
      {.name = "x gated relu", .n = 3, .h = 7, .w = 5, .in = 48, .out = 20, .x = kGatedRelu},
      {.name = "x gated hard_swish", .n = 3, .h = 7, .w = 5, .in = 48, .out = 20, .x = kGatedHardSwish},
      {.name = "dy frozen", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dy = Form::frozen},
      {.name = "dy without norm", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dy = Form::no_norm},
      {.name = "dy behind drop-path", .n = 3, .h = 7, .w = 5, .in = 144, .out = 24, .x = kGated, .dy = Form::drop_path},
      {.name = "dy behind drop-path, frozen", .n = 3, .h = 7, .w = 5, .in = 48, .out = 24, .x = kGated, .dy = Form::drop_path_frozen},
      {.name = "dy of a branch with an activation", .n = 3, .h = 7, .w = 5, .in = 48, .out = 24, .dy = Form::branch},
      {.name = "dy of a branch with an activation, frozen", .n = 3, .h = 7, .w = 5, .in = 17, .out = 19, .dy = Form::branch_frozen},
      {.name = "dy through a gate", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dy = Form::gated},
      {.name = "dy through a gate, relu6", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dy = Form::gated, .dy_act = Activation::relu6},
      {.name = "dy through a gate, hard_swish",
       .n = 2,
       .h = 7,
       .w = 7,
       .in = 24,
       .out = 40,
       .dy = Form::gated,
       .dy_act = Activation::hard_swish},
      {.name = "dy through a gate, frozen", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dy = Form::gated_frozen},
      {.name = "dy through a gate, no norm", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dy = Form::gated_no_norm},
      {.name = "dy from global pooling: the head", .n = 3, .h = 3, .w = 3, .in = 112, .out = 448, .x = kImage, .dy = Form::pooled},
      {.name = "dy from global pooling, relu6",
       .n = 3,
       .h = 3,
       .w = 3,
       .in = 17,
       .out = 20,
       .x = kImage,
       .dy = Form::pooled,
       .dy_act = Activation::relu6},
      {.name = "dy from global pooling, hard_swish",
       .n = 3,
       .h = 3,
       .w = 3,
       .in = 17,
       .out = 20,
       .x = kImage,
       .dy = Form::pooled,
       .dy_act = Activation::hard_swish},
      {.name = "dy from global pooling, frozen", .n = 3, .h = 3, .w = 3, .in = 17, .out = 20, .x = kImage, .dy = Form::pooled_frozen},
      {.name = "dw not wanted", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dw = false},
      {.name = "dw not wanted, x gated", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .x = kGated, .dw = false},
      {.name = "dx not wanted", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .dx = false},
      {.name = "dx not wanted, x gated", .n = 2, .h = 7, .w = 7, .in = 24, .out = 40, .x = kGated, .dx = false},
      {.name = "one pixel per sample", .n = 5, .h = 1, .w = 1, .in = 48, .out = 20, .x = kGated},
      {.name = "rows no multiple of a tile", .n = 1, .h = 5, .w = 75, .in = 20, .out = 48},
      {.name = "more rows than a block", .n = 2, .h = 40, .w = 33, .in = 8, .out = 20},
      {.name = "many rows of a gated sample", .n = 2, .h = 24, .w = 24, .in = 32, .out = 16, .x = kGated},
      {.name = "more samples than parts", .n = 35, .h = 15, .w = 15, .in = 9, .out = 8, .x = kGated},
      {.name = "large weights, a tile of some samples", .n = 6, .h = 7, .w = 7, .in = 300, .out = 256, .x = kGated},
      {.name = "large weights, a tile in a sample", .n = 2, .h = 17, .w = 17, .in = 272, .out = 256, .x = kGated},
      {.name = "large weights, more rows than a chunk", .n = 5, .h = 14, .w = 14, .in = 16, .out = 4096, .add = true},
      {.name = "large weights, dw not wanted", .n = 1, .h = 7, .w = 7, .in = 272, .out = 256, .dw = false},
      {.name = "large weights, dx not wanted", .n = 1, .h = 7, .w = 7, .in = 272, .out = 256, .dx = false},
      {.name = "many input channels", .n = 2, .h = 3, .w = 3, .in = 672, .out = 20, .x = kGated},
      {.name = "one input channel", .n = 1, .h = 13, .w = 9, .in = 1, .out = 17},
      {.name = "one output channel", .n = 1, .h = 13, .w = 9, .in = 17, .out = 1},
  };
  std::vector<Case> cases;
  for (const Pointwise& row : forward) cases.push_back(pointwise_forward(row));
  for (const Pointwise& row : backward) cases.push_back(pointwise_backward(row));
  return cases;
}

}  // namespace mcnn::cases
