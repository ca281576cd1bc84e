// Computes in fp32 and in TensorFlow's order: columns first, then rows.  Contract: resize_tensorflow.h.
#include "data/resize_tensorflow.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mcnn {
namespace {

/// The four input samples of one output sample, and their weights.
struct Four {
  std::array<std::ptrdiff_t, 4> at;
  std::array<float, 4> weight;
};

/// Keys 1981 at distance x from a sample, a = -3/4.
float keys(float distance) {
  constexpr double a = -0.75;
  const float x = distance;
  return static_cast<float>(x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a);
}

std::vector<Four> fours(int in, int out) {
  constexpr float kSteps = 1024;  // TensorFlow has a table of weights: the distance is rounded to a table step
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<Four> all(static_cast<std::size_t>(out));
  for (int i = 0; i < out; ++i) {
    const float position = static_cast<float>(i) * scale;
    const float before = std::floor(position);
    const float distance = std::nearbyint((position - before) * kSteps) / kSteps;
    Four& four = all[static_cast<std::size_t>(i)];
    four.weight = {keys(distance + 1), keys(distance), keys(1 - distance), keys(2 - distance)};
    for (int k = 0; k < 4; ++k) four.at[static_cast<std::size_t>(k)] = std::clamp(static_cast<int>(before) - 1 + k, 0, in - 1);
  }
  return all;
}

template <class Sample>
float blend(const Four& four, const Sample& sample) {
  return sample(four.at[0]) * four.weight[0] + sample(four.at[1]) * four.weight[1] + sample(four.at[2]) * four.weight[2] +
         sample(four.at[3]) * four.weight[3];
}

}  // namespace

Image resize_tensorflow(const Image& image, const Rectangle& part, int width, int height) {
  const std::vector<Four> across = fours(part.width, width), down = fours(part.height, height);
  const std::ptrdiff_t stride = std::ptrdiff_t{3} * image.width;
  const uint8_t* const from = image.rgb.data() + stride * part.y + std::ptrdiff_t{3} * part.x;
  std::vector<float> row(std::size_t{3} * static_cast<std::size_t>(part.width));  // (part.width, 3), blended down
  Image out{width, height, {}};
  out.rgb.reserve(std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (const Four& y : down) {
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = blend(y, [&](std::ptrdiff_t at) { return static_cast<float>(from[stride * at + static_cast<std::ptrdiff_t>(i)]); });
    for (const Four& x : across)
      for (std::ptrdiff_t c = 0; c < 3; ++c) {
        const float value = blend(x, [&](std::ptrdiff_t at) { return row[static_cast<std::size_t>(3 * at + c)]; });
        out.rgb.push_back(static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)));
      }
  }
  return out;
}

}  // namespace mcnn
