// The table of cases, and the builders behind it: bench_kernels makes a network's own shapes with them.
#pragma once
#include "tests/cases/readings.h"

namespace mcnn::cases {

std::vector<Case> all_cases();
std::vector<Case> product_cases();  // pointwise and dense

std::vector<Case> pointwise_cases();
std::vector<Case> depthwise_cases();
std::vector<Case> dense_cases();
std::vector<Case> batch_norm_cases();
std::vector<Case> squeeze_excite_cases();  // and pooling
std::vector<Case> residual_cases();
std::vector<Case> head_cases();  // dropout, linear, cross-entropy
std::vector<Case> image_cases();
std::vector<Case> optimizer_cases();
std::vector<Case> fill_cases();

struct Pointwise {
  std::string name;
  int64_t n, h, w, in, out;
  Reading x = kSwish;
  bool moments = true;  // forward
  Form dy = Form::from_u;
  Activation dy_act = Activation::swish;
  bool dw = true, dx = true, add = false;
};
Case pointwise_forward(const Pointwise& row);
Case pointwise_backward(const Pointwise& row);

enum class Padding { symmetric, same };  // pad k/2 all around; TensorFlow's SAME: what is odd goes to the bottom and right
struct Depthwise {
  std::string name;
  int64_t n, h, w, c;
  int kernel, stride;
  Padding padding = Padding::symmetric;
  Reading x = kSwish;
  bool moments = true;
  Form dy = Form::from_u;
  Activation dy_act = Activation::swish;
  bool dw = true, dx = true, add = false;
};
Case depthwise_forward(const Depthwise& row);
Case depthwise_backward(const Depthwise& row);

struct Dense {
  std::string name;
  int64_t n, h, w, in, out;
  int kernel, stride;
  Padding padding = Padding::symmetric;
  Reading x = kImage;
  bool moments = true;
  Form dy = Form::from_u;
  Activation dy_act = Activation::swish;
  bool dw = true, dx = false, add = false;
};
Case dense_forward(const Dense& row);
Case dense_backward(const Dense& row);

ConvGeometry geometry(int kernel, int stride, Padding padding, int64_t h, int64_t w);
/// (N,H',W',channels) of a convolution over (N,H,W,.).
Shape output_shape(int64_t n, int64_t h, int64_t w, int64_t channels, int kernel, int stride, Padding padding);

struct BatchNormSums {
  std::string name;
  int64_t n, h, w, c;
  bool sample_scale = true;
  Activation act = Activation::identity;
};
Case batch_norm_sums(const BatchNormSums& row);

struct Pool {
  std::string name;
  int64_t n, h, w, c;
  Reading x = kSwish;
  bool slopes = true;  // false: evaluation
};
Case pool_forward(const Pool& row);

struct SqueezeExcite {
  std::string name;
  int64_t n, c, reduced;
  Activation act = Activation::swish;
  GateFunction function = GateFunction::sigmoid;
  Values gate = uniform(0.02, 0.98);  // backward
};
Case squeeze_excite_forward(const SqueezeExcite& row);
Case squeeze_excite_backward(const SqueezeExcite& row);

struct Residual {
  std::string name;
  int64_t n, h, w, c;
  Reading x = kImage, branch = kLinear;
  bool sample_scale = true;
};
Case residual_forward(const Residual& row);

}  // namespace mcnn::cases
