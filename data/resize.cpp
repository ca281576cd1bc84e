// Output sample i of n, from m input samples, lies at centre (i + 1/2) m/n; its weights are the filter at the distance of
// each input sample's centre, divided by max(m/n, 1), normalised to sum 1 and rounded to 22 bits.  Contract: resize.h.
#include "data/resize.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace mcnn {
namespace {

constexpr int kPrecision = 32 - 8 - 2;  // bits of a weight: 8 are the pixel's, 2 keep overshoot and sign within an int

double bilinear(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

/// Keys 1981 with a = -1/2.
double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

/// The weights of output samples [first, first+count) of one axis.
struct Taps {
  int most = 0;             ///< row length of `weight`
  std::vector<int> begin;   ///< (count) first input sample
  std::vector<int> size;    ///< (count)
  std::vector<int> weight;  ///< (count, most)
};

Taps taps(int in, int out, int first, int count, Interpolation interpolation) {
  const auto filter = interpolation == Interpolation::bicubic ? bicubic : bilinear;
  const double radius = interpolation == Interpolation::bicubic ? 2.0 : 1.0;
  const double scale = static_cast<double>(in) / out;
  const double stretch = std::max(scale, 1.0);
  const double support = radius * stretch;
  Taps t;
  t.most = static_cast<int>(std::ceil(support)) * 2 + 1;
  t.begin.resize(static_cast<std::size_t>(count));
  t.size.resize(static_cast<std::size_t>(count));
  t.weight.resize(static_cast<std::size_t>(count) * static_cast<std::size_t>(t.most));
  std::vector<double> exact(static_cast<std::size_t>(t.most));
  for (int i = 0; i < count; ++i) {
    const double centre = (first + i + 0.5) * scale;
    const int begin = std::max(0, static_cast<int>(centre - support + 0.5));
    const int size = std::min(in, static_cast<int>(centre + support + 0.5)) - begin;
    double sum = 0;
    for (int j = 0; j < size; ++j) sum += exact[static_cast<std::size_t>(j)] = filter((begin + j - centre + 0.5) * (1.0 / stretch));
    int* const weight = t.weight.data() + static_cast<std::ptrdiff_t>(i) * t.most;
    for (int j = 0; j < size; ++j) {
      const double w = (sum != 0.0 ? exact[static_cast<std::size_t>(j)] / sum : 0.0) * (1 << kPrecision);
      weight[j] = static_cast<int>(w < 0 ? w - 0.5 : w + 0.5);
    }
    t.begin[static_cast<std::size_t>(i)] = begin;
    t.size[static_cast<std::size_t>(i)] = size;
  }
  return t;
}

uint8_t rounded(int sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }
constexpr int kHalf = 1 << (kPrecision - 1);

/// One row: from (in, 3) to (count, 3).
void resize_row(const uint8_t* from, const Taps& t, int count, uint8_t* to) {
  for (int i = 0; i < count; ++i, to += 3) {
    const uint8_t* pixel = from + std::ptrdiff_t{3} * t.begin[static_cast<std::size_t>(i)];
    const int* weight = t.weight.data() + static_cast<std::ptrdiff_t>(i) * t.most;
    const int size = t.size[static_cast<std::size_t>(i)];
    int r = kHalf, g = kHalf, b = kHalf;
    for (int j = 0; j < size; ++j, pixel += 3) {
      r += pixel[0] * weight[j];
      g += pixel[1] * weight[j];
      b += pixel[2] * weight[j];
    }
    to[0] = rounded(r), to[1] = rounded(g), to[2] = rounded(b);
  }
}

/// One row of `length` bytes out of `size` rows that lie `length` apart. Blocks stay in registers while the rows pass.
void blend_rows(const uint8_t* from, int length, const int* weight, int size, uint8_t* to) {
  constexpr int kBlock = 64;
  for (int begin = 0; begin < length; begin += kBlock) {
    const int n = std::min(kBlock, length - begin);
    int sums[kBlock];
    std::fill_n(sums, kBlock, kHalf);
    for (int j = 0; j < size; ++j) {
      const uint8_t* row = from + static_cast<std::ptrdiff_t>(j) * length + begin;
      const int w = weight[j];
      for (int k = 0; k < n; ++k) sums[k] += row[k] * w;
    }
    for (int k = 0; k < n; ++k) to[begin + k] = rounded(sums[k]);
  }
}

}  // namespace

Image resize(const Image& image, int width, int height, Interpolation interpolation, const Rectangle& part) {
  if (width < 1 || height < 1 || image.width < 1 || image.height < 1)
    fail("a picture of {}x{} cannot be resized to {}x{}", image.width, image.height, width, height);
  if (part.x < 0 || part.y < 0 || part.width < 1 || part.height < 1 || part.x > width - part.width || part.y > height - part.height)
    fail("a picture of {}x{} has no part {}x{} at ({}, {})", width, height, part.width, part.height, part.x, part.y);

  // Horizontal pass, over the rows the vertical one reads. An axis that keeps its length has the one weight 1: a copy.
  const Taps across = taps(image.width, width, part.x, part.width, interpolation);
  const Taps down = taps(image.height, height, part.y, part.height, interpolation);
  const int first_row = down.begin.front();
  const int rows = down.begin.back() + down.size.back() - first_row;
  const int length = 3 * part.width;
  std::vector<uint8_t> narrow(static_cast<std::size_t>(rows) * static_cast<std::size_t>(length));  // (rows, part.width, 3)
  for (int y = 0; y < rows; ++y)
    resize_row(image.rgb.data() + std::ptrdiff_t{3} * image.width * (first_row + y), across, part.width,
               narrow.data() + static_cast<std::ptrdiff_t>(length) * y);

  Image out{part.width, part.height, {}};
  out.rgb.resize(static_cast<std::size_t>(part.height) * static_cast<std::size_t>(length));
  for (std::size_t y = 0; y < static_cast<std::size_t>(part.height); ++y)
    blend_rows(narrow.data() + static_cast<std::ptrdiff_t>(length) * (down.begin[y] - first_row), length,
               down.weight.data() + static_cast<std::ptrdiff_t>(y) * down.most, down.size[y],
               out.rgb.data() + y * static_cast<std::size_t>(length));
  return out;
}

Image resize(const Image& image, int width, int height, Interpolation interpolation) {
  return resize(image, width, height, interpolation, {0, 0, width, height});
}

}  // namespace mcnn
