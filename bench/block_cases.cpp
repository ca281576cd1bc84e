#include "bench/block_cases.h"

#include "tests/cases/cases.h"

namespace mcnn::bench {

std::vector<cases::Case> block_cases(int64_t batch, int64_t resolution) {
  using namespace cases;
  constexpr int64_t kIn = 112, kOut = 192, kInside = 6 * kIn;
  return {
      pointwise_forward({.name = "expand", .n = batch, .h = resolution, .w = resolution, .in = kIn, .out = kInside, .x = kImage}),
      depthwise_forward(
          {.name = "depthwise", .n = batch, .h = resolution, .w = resolution, .c = kInside, .kernel = 5, .stride = 2, .x = kRelu6}),
      pointwise_forward(
          {.name = "project", .n = batch, .h = (resolution + 1) / 2, .w = (resolution + 1) / 2, .in = kInside, .out = kOut, .x = kRelu6})};
}

}  // namespace mcnn::bench
