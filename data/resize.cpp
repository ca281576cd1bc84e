// Output sample i of n, from m input samples, lies at centre (i + 1/2) m/n; its weights are the filter at the distance of
// each input sample's centre, divided by max(m/n, 1), normalised to sum 1 and rounded to 22 bits.  Contract: resize.h.
#include "data/resize.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace mcnn {
namespace {

constexpr int kPrecision = 32 - 8 - 2;  // bits of a weight; the int also needs 8 for the pixel and 2 for overshoot and sign

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

/// The range of input samples of one axis that is read.
struct Range {
  int begin, size;
};
Range range_of(const Taps& t) { return {t.begin.front(), t.begin.back() + t.size.back() - t.begin.front()}; }

/// Resizes rows (rows, ., 3), `stride` bytes apart and beginning with column `first`, to (rows, count, 3).
std::vector<uint8_t> resize_across(const uint8_t* from, std::ptrdiff_t stride, int rows, int first, const Taps& t) {
  std::vector<uint8_t> out(std::size_t{3} * static_cast<std::size_t>(rows) * t.size.size());
  uint8_t* to = out.data();
  for (int y = 0; y < rows; ++y, from += stride) {
    const int* weight = t.weight.data();
    for (std::size_t i = 0; i < t.size.size(); ++i, to += 3, weight += t.most) {
      const uint8_t* pixel = from + std::ptrdiff_t{3} * (t.begin[i] - first);
      int r = kHalf, g = kHalf, b = kHalf;
      for (int j = 0; j < t.size[i]; ++j, pixel += 3) {
        r += pixel[0] * weight[j];
        g += pixel[1] * weight[j];
        b += pixel[2] * weight[j];
      }
      to[0] = rounded(r), to[1] = rounded(g), to[2] = rounded(b);
    }
  }
  return out;
}

/// Resizes columns: from rows of `columns` pixels, `stride` bytes apart and beginning with row `first`, to (count, columns, 3).
/// A block of an output row stays in registers while its input rows are added.
std::vector<uint8_t> resize_down(const uint8_t* from, std::ptrdiff_t stride, int columns, int first, const Taps& t) {
  constexpr int kBlock = 64;
  const int length = 3 * columns;
  std::vector<uint8_t> out(static_cast<std::size_t>(length) * t.size.size());
  uint8_t* to = out.data();
  const int* weight = t.weight.data();
  for (std::size_t i = 0; i < t.size.size(); ++i, to += length, weight += t.most)
    for (int begin = 0; begin < length; begin += kBlock) {
      const int n = std::min(kBlock, length - begin);
      const uint8_t* row = from + stride * (t.begin[i] - first) + begin;
      int sums[kBlock];
      std::fill_n(sums, kBlock, kHalf);
      for (int j = 0; j < t.size[i]; ++j, row += stride)
        for (int k = 0; k < n; ++k) sums[k] += row[k] * weight[j];
      for (int k = 0; k < n; ++k) to[begin + k] = rounded(sums[k]);
    }
  return out;
}

}  // namespace

Image resize(const Image& image, int width, int height, Interpolation interpolation, const Rectangle& part) {
  if (width < 1 || height < 1 || image.width < 1 || image.height < 1)
    fail("a picture of {}x{} cannot be resized to {}x{}", image.width, image.height, width, height);
  if (part.x < 0 || part.y < 0 || part.width < 1 || part.height < 1 || part.x > width - part.width || part.y > height - part.height)
    fail("a picture of {}x{} has no part {}x{} at ({}, {})", width, height, part.width, part.height, part.x, part.y);

  // An axis of unchanged length has a single weight of 1. The first pass computes only the rows or columns that the second reads.
  const Taps across = taps(image.width, width, part.x, part.width, interpolation);
  const Taps down = taps(image.height, height, part.y, part.height, interpolation);
  const Range columns = range_of(across), rows = range_of(down);
  const std::ptrdiff_t stride = std::ptrdiff_t{3} * image.width;
  const uint8_t* const read = image.rgb.data() + stride * rows.begin + std::ptrdiff_t{3} * columns.begin;
  Image out{part.width, part.height, {}};
  const bool down_first = height < image.height && image.height - height > 2 * (image.width - width);
  if (down_first) {
    const auto shorter = resize_down(read, stride, columns.size, rows.begin, down);  // (part.height, columns, 3)
    out.rgb = resize_across(shorter.data(), std::ptrdiff_t{3} * columns.size, part.height, columns.begin, across);
  } else {
    const auto narrower = resize_across(read, stride, rows.size, columns.begin, across);  // (rows, part.width, 3)
    out.rgb = resize_down(narrower.data(), std::ptrdiff_t{3} * part.width, part.width, rows.begin, down);
  }
  return out;
}

Image resize(const Image& image, int width, int height, Interpolation interpolation) {
  return resize(image, width, height, interpolation, {0, 0, width, height});
}

}  // namespace mcnn
