// Depthwise convolution: kernels, strides and paddings against sizes smaller and larger than them; every form of gradient.
#include "tests/cases/cases.h"

namespace mcnn::cases {
namespace {

int64_t output_size(int64_t size, int kernel, int stride, Padding padding) {
  if (padding == Padding::same) return (size + stride - 1) / stride;
  return (size + 2 * (kernel / 2) - kernel) / stride + 1;
}

int pad_before(int64_t size, int kernel, int stride, Padding padding) {
  if (padding == Padding::symmetric) return kernel / 2;
  const int64_t needed = (output_size(size, kernel, stride, padding) - 1) * stride + kernel - size;
  return static_cast<int>(std::max<int64_t>(needed, 0) / 2);
}

}  // namespace

ConvGeometry geometry(int kernel, int stride, Padding padding, int64_t h, int64_t w) {
  return {kernel, stride, pad_before(h, kernel, stride, padding), pad_before(w, kernel, stride, padding)};
}
Shape output_shape(int64_t n, int64_t h, int64_t w, int64_t channels, int kernel, int stride, Padding padding) {
  return {n, output_size(h, kernel, stride, padding), output_size(w, kernel, stride, padding), channels};
}

Case depthwise_forward(const Depthwise& row) {
  const Shape out = output_shape(row.n, row.h, row.w, row.c, row.kernel, row.stride, row.padding);
  return {"depthwise_forward", row.name, [row, out](Workspace& s) -> AnyOperation {
            const Feature x = feature(s, {row.n, row.h, row.w, row.c}, row.x);
            const Tensor w = s.parameter({row.kernel, row.kernel, row.c}, normal(1.0 / row.kernel));
            Tensor y = s.feature_output("y", out);
            Moments m = row.moments ? moments(s, row.c) : Moments{};
            const ConvGeometry g = geometry(row.kernel, row.stride, row.padding, row.h, row.w);
            return DepthwiseForward{x, w, g, y, m};
          }};
}

Case depthwise_backward(const Depthwise& row) {
  const Shape out = output_shape(row.n, row.h, row.w, row.c, row.kernel, row.stride, row.padding);
  return {"depthwise_backward", row.name, [row, out](Workspace& s) -> AnyOperation {
            const Feature x = feature(s, {row.n, row.h, row.w, row.c}, row.x);
            const Tensor w = s.parameter({row.kernel, row.kernel, row.c}, normal(1.0 / row.kernel));
            const OutputGradient dy = gradient(s, out, row.dy, row.dy_act);
            Tensor dw = row.dw ? s.parameter_output("dw", {row.kernel, row.kernel, row.c}) : Tensor();
            InputGradient dx = row.dx ? input_gradient(s, x, row.add) : InputGradient{};
            const ConvGeometry g = geometry(row.kernel, row.stride, row.padding, row.h, row.w);
            return DepthwiseBackward{x, w, g, dy, dw, dx};
          }};
}

std::vector<Case> depthwise_cases() {
  using enum Padding;
  const std::vector<Depthwise> both = {
      // what would be broken                                 n  h  w   c  k  s
      {"3x3", 2, 7, 7, 24, 3, 1},
      {"5x5", 2, 7, 7, 24, 5, 1},
      {"3x3 stride 2", 2, 14, 14, 24, 3, 2},
      {"5x5 stride 2", 2, 14, 14, 24, 5, 2},
      {"3x3 stride 2, same: the odd pad at the bottom", 2, 14, 14, 24, 3, 2, same},
      {"5x5 stride 2, same: the odd pad at the bottom", 2, 14, 14, 24, 5, 2, same},
      {"3x3 odd size, C not a multiple of 8", 2, 13, 9, 20, 3, 1},
      {"5x5 odd size, C not a multiple of 8", 2, 13, 9, 20, 5, 1},
      {"3x3 stride 2, odd size", 2, 13, 9, 20, 3, 2},
      {"5x5 stride 2, odd size", 2, 13, 9, 20, 5, 2},
      {"3x3 stride 2, same, odd size", 2, 13, 9, 20, 3, 2, same},
      {"3x3 stride 2, odd channels", 2, 13, 9, 17, 3, 2},
      {"5x5 stride 2, same, odd size", 2, 13, 9, 20, 5, 2, same},
      {"3x3 on one pixel", 3, 1, 1, 17, 3, 1},
      {"5x5 on one pixel: all but one tap outside", 3, 1, 1, 17, 5, 1},
      {"5x5 stride 2 on 2x2", 3, 2, 2, 17, 5, 2, same},
      {"5x5 on 3x2: both sides of every tap outside", 2, 3, 2, 48, 5, 1},
      {"3x3 wide and low", 1, 5, 75, 8, 3, 1},
      {"5x5 stride 2 wide and low", 1, 5, 75, 8, 5, 2, same},
      {"one channel", 1, 13, 9, 1, 3, 1},
      {"three channels", 2, 13, 9, 3, 5, 2},
      {"many channels", 2, 7, 7, 672, 5, 1},
      {"144 channels, larger than a block", 2, 33, 40, 144, 3, 1},
      {"x relu6", 2, 13, 9, 20, 3, 1, symmetric, kRelu6},
      {"x linear: stage 0 reads a skip", 2, 13, 9, 20, 3, 1, symmetric, kImage},
      {"x linear with norm: z outside is 0, not shift", 2, 7, 7, 20, 5, 2, same, kLinear},
      {"x swish where exp overflows", 1, 13, 9, 17, 3, 1, symmetric, kSaturated},
      {"x relu6 at its kinks", 1, 13, 9, 17, 3, 1, symmetric, kinks(Activation::relu6)},
      {"x relu", 2, 13, 9, 20, 5, 2, same, kRelu},
      {"x hard_swish: z outside is 0", 2, 13, 9, 20, 5, 1, symmetric, kHardSwish},
      {"x hard_swish at its kinks", 1, 13, 9, 17, 3, 1, symmetric, kinks(Activation::hard_swish)},
      {"x gated", 3, 7, 5, 20, 3, 1, symmetric, kGated},
  };
  const std::vector<Depthwise> forward = {
      {"evaluation: no moments wanted", 2, 13, 9, 20, 5, 1, symmetric, kSwish, false},
      {"moments far from zero", 2, 20, 20, 20, 3, 1, symmetric, {.norm = false, .act = Activation::identity, .raw = normal(1, 30)}},
  };
  const std::vector<Depthwise> backward = {
      {.name = "dy frozen", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 3, .stride = 1, .dy = Form::frozen},
      {.name = "dy without norm", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 3, .stride = 1, .dy = Form::no_norm},
      {.name = "dy behind drop-path", .n = 3, .h = 13, .w = 9, .c = 20, .kernel = 3, .stride = 1, .dy = Form::drop_path},
      {.name = "dy of a branch with an activation", .n = 3, .h = 13, .w = 9, .c = 20, .kernel = 3, .stride = 1, .dy = Form::branch},
      {.name = "dy through a gate", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 3, .stride = 1, .dy = Form::gated},
      {.name = "dy through a gate, 5x5 stride 2", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 5, .stride = 2, .dy = Form::gated},
      {.name = "dy through a gate, frozen", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 5, .stride = 1, .dy = Form::gated_frozen},
      {.name = "dy through a gate, 144 channels", .n = 2, .h = 14, .w = 14, .c = 144, .kernel = 5, .stride = 1, .dy = Form::gated},
      {.name = "dy through a gate, relu",
       .n = 2,
       .h = 13,
       .w = 9,
       .c = 20,
       .kernel = 5,
       .stride = 2,
       .dy = Form::gated,
       .dy_act = Activation::relu},
      {.name = "dy through a gate, hard_swish",
       .n = 2,
       .h = 13,
       .w = 9,
       .c = 20,
       .kernel = 5,
       .stride = 1,
       .dy = Form::gated,
       .dy_act = Activation::hard_swish},
      {.name = "dy through a gate, no norm", .n = 2, .h = 7, .w = 7, .c = 20, .kernel = 3, .stride = 1, .dy = Form::gated_no_norm},
      {.name = "dy from global pooling", .n = 2, .h = 7, .w = 7, .c = 20, .kernel = 3, .stride = 1, .dy = Form::pooled},
      {.name = "skip added", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 3, .stride = 1, .x = kImage, .dy = Form::gated, .add = true},
      {.name = "skip added, stride 2", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 5, .stride = 2, .add = true},
      {.name = "skip added, x gated", .n = 2, .h = 7, .w = 7, .c = 20, .kernel = 3, .stride = 1, .x = kGated, .add = true},
      {.name = "dw not wanted", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 3, .stride = 1, .dw = false},
      {.name = "dx not wanted", .n = 2, .h = 13, .w = 9, .c = 20, .kernel = 5, .stride = 2, .dx = false},
  };
  std::vector<Case> cases;
  for (const Depthwise& row : both) cases.push_back(depthwise_forward(row));
  for (const Depthwise& row : forward) cases.push_back(depthwise_forward(row));
  for (const Depthwise& row : both) cases.push_back(depthwise_backward(row));
  for (const Depthwise& row : backward) cases.push_back(depthwise_backward(row));
  return cases;
}

}  // namespace mcnn::cases
