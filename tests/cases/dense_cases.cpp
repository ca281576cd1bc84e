// Dense convolution: the stem's shapes, those of EfficientNetV2's first stages, and the gradients that they are asked for.
#include "tests/cases/cases.h"

namespace mcnn::cases {

Case dense_forward(const Dense& row) {
  const Shape out = output_shape(row.n, row.h, row.w, row.out, row.kernel, row.stride, row.padding);
  return {"dense_forward", row.name, [row, out](Workspace& s) -> AnyOperation {
            const Feature x = feature(s, {row.n, row.h, row.w, row.in}, row.x);
            const Tensor w = s.product_weight({row.kernel, row.kernel, row.in, row.out}, normal(1 / std::sqrt(9.0 * row.in)));
            Tensor y = s.feature_output("y", out);
            Moments m = row.moments ? moments(s, row.out) : Moments{};
            const ConvGeometry g = geometry(row.kernel, row.stride, row.padding, row.h, row.w);
            return DenseForward{x, w, g, y, m};
          }};
}

Case dense_backward(const Dense& row) {
  const Shape out = output_shape(row.n, row.h, row.w, row.out, row.kernel, row.stride, row.padding);
  return {"dense_backward", row.name, [row, out](Workspace& s) -> AnyOperation {
            const Feature x = feature(s, {row.n, row.h, row.w, row.in}, row.x);
            const Shape weight = {row.kernel, row.kernel, row.in, row.out};
            const Tensor w = s.product_weight(weight, normal(1 / std::sqrt(9.0 * row.in)));
            const OutputGradient dy = gradient(s, out, row.dy, row.dy_act);
            Tensor dw = row.dw ? s.parameter_output("dw", weight) : Tensor();
            InputGradient dx = row.dx ? input_gradient(s, x, row.add) : InputGradient{};
            const ConvGeometry g = geometry(row.kernel, row.stride, row.padding, row.h, row.w);
            return DenseBackward{x, w, g, dy, dw, dx};
          }};
}

std::vector<Case> dense_cases() {
  using enum Padding;
  const std::vector<Dense> both = {
      // what would be broken                       n   h   w  in out  k  s
      {"stem", 2, 16, 16, 3, 32, 3, 2},
      {"stem, same: the odd pad at the bottom", 2, 16, 16, 3, 48, 3, 2, same},
      {"odd size", 2, 13, 9, 3, 20, 3, 2},
      {"odd size, same", 2, 13, 9, 3, 20, 3, 2, same},
      {"stride 1", 1, 7, 7, 3, 8, 3, 1},
      {"5x5", 1, 13, 9, 3, 17, 5, 2, same},
      {"one pixel", 2, 1, 1, 3, 17, 3, 1},
      {"one channel in, one out", 1, 7, 7, 1, 1, 3, 1},
      {"odd channels", 1, 7, 7, 17, 19, 3, 1},
      {"wide and low", 1, 5, 75, 3, 40, 3, 2},
      {"larger than a block", 2, 65, 70, 3, 24, 3, 2, same},
      {"x swish with norm: z outside is 0, not act(shift)", 1, 7, 7, 8, 20, 3, 2, same, kSwish},
      {"x relu6", 1, 7, 7, 8, 20, 3, 1, symmetric, kRelu6},
      {"wide, stride 1: every panel and piece of the depth", 2, 9, 7, 48, 64, 3, 1, symmetric, kSwish},
      {"wide, stride 2, same", 2, 14, 14, 64, 136, 3, 2, same, kSwish},
      {"wide, a linear feature of a skip", 1, 7, 7, 24, 96, 3, 1, symmetric, kImage},
      {"wide, channels no multiple of a vector", 1, 9, 5, 33, 50, 3, 2, symmetric, kHardSwish},
  };
  const std::vector<Dense> forward = {
      {"evaluation: no moments wanted", 2, 13, 9, 3, 20, 3, 2, same, kImage, false},
  };
  const std::vector<Dense> backward = {
      {.name = "dy frozen", .n = 2, .h = 13, .w = 9, .in = 3, .out = 20, .kernel = 3, .stride = 2, .dy = Form::frozen},
      {.name = "dy without norm", .n = 2, .h = 13, .w = 9, .in = 3, .out = 20, .kernel = 3, .stride = 2, .dy = Form::no_norm},
      {.name = "dx", .n = 2, .h = 13, .w = 9, .in = 3, .out = 20, .kernel = 3, .stride = 2, .dx = true},
      {.name = "dx, x swish", .n = 2, .h = 13, .w = 9, .in = 8, .out = 20, .kernel = 3, .stride = 2, .x = kSwish, .dx = true},
      {.name = "dx, skip added",
       .n = 2,
       .h = 7,
       .w = 7,
       .in = 8,
       .out = 20,
       .kernel = 3,
       .stride = 1,
       .x = kSwish,
       .dx = true,
       .add = true},
      {.name = "dx, wide, skip added",
       .n = 2,
       .h = 9,
       .w = 7,
       .in = 48,
       .out = 64,
       .kernel = 3,
       .stride = 1,
       .x = kSwish,
       .dx = true,
       .add = true},
      {.name = "dx, wide, stride 2, same",
       .n = 2,
       .h = 14,
       .w = 14,
       .in = 64,
       .out = 136,
       .kernel = 3,
       .stride = 2,
       .padding = same,
       .x = kImage,
       .dx = true},
      {.name = "dx, channels no multiple of a vector",
       .n = 1,
       .h = 9,
       .w = 5,
       .in = 33,
       .out = 50,
       .kernel = 3,
       .stride = 2,
       .x = kHardSwish,
       .dx = true},
      {.name = "dx, many channels, more rows than a tile",
       .n = 2,
       .h = 17,
       .w = 19,
       .in = 40,
       .out = 24,
       .kernel = 3,
       .stride = 1,
       .x = kSwish,
       .dx = true},
      {.name = "dx, the branch of a skip with an activation",
       .n = 3,
       .h = 7,
       .w = 5,
       .in = 24,
       .out = 24,
       .kernel = 3,
       .stride = 1,
       .x = kSwish,
       .dy = Form::branch,
       .dx = true,
       .add = true},
      {.name = "dx, the branch of a skip, frozen",
       .n = 3,
       .h = 7,
       .w = 5,
       .in = 17,
       .out = 24,
       .kernel = 3,
       .stride = 1,
       .dy = Form::branch_frozen,
       .dx = true},
      {.name = "dw not wanted", .n = 2, .h = 13, .w = 9, .in = 3, .out = 20, .kernel = 3, .stride = 2, .dw = false, .dx = true},
  };
  std::vector<Case> cases;
  for (const Dense& row : both) cases.push_back(dense_forward(row));
  for (const Dense& row : forward) cases.push_back(dense_forward(row));
  for (const Dense& row : both) cases.push_back(dense_backward(row));
  for (const Dense& row : backward) cases.push_back(dense_backward(row));
  return cases;
}

}  // namespace mcnn::cases
