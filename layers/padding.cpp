#include "layers/padding.h"

#include <algorithm>

#include "runtime/number.h"

namespace mcnn {
namespace {

int total_same(int64_t size, int kernel, int stride) {
  const int64_t out = (size + stride - 1) / stride;
  return static_cast<int>(std::max<int64_t>((out - 1) * stride + kernel - size, 0));
}

}  // namespace

Padding Padding::parse(std::string_view text) {
  if (text == "same") return {Mode::same};
  if (text == "symmetric") return {Mode::symmetric};
  constexpr std::string_view kFixed = "same:";
  constexpr int64_t kLargest = 1 << 16;  // pixels: far above any photo's side, far below an overflow
  if (const std::size_t x = text.find('x'); text.starts_with(kFixed) && x != std::string_view::npos) {
    const auto h = number_in<int64_t>(text.substr(kFixed.size(), x - kFixed.size())), w = number_in<int64_t>(text.substr(x + 1));
    if (h && w && *h > 0 && *w > 0 && *h <= kLargest && *w <= kLargest) return {Mode::same_fixed, *h, *w};
  }
  fail("padding '{}' is none of same, same:HxW (same:380x380), symmetric", text);
}

std::string Padding::str() const {
  switch (mode) {
    case Mode::same: return "same";
    case Mode::symmetric: return "symmetric";
    case Mode::same_fixed: return fmt::format("same:{}x{}", height, width);
  }
  return "";
}

AxisPadding AxisPadding::of(Padding::Mode mode, int64_t nominal_size, int kernel, int stride) {
  switch (mode) {
    case Padding::Mode::same: return {.dynamic = true};
    case Padding::Mode::symmetric: return {.before = (kernel - 1) / 2, .after = (kernel - 1) / 2};
    case Padding::Mode::same_fixed: {
      const int total = total_same(nominal_size, kernel, stride);
      return {.before = total / 2, .after = total - total / 2};
    }
  }
  return {};
}

AxisPadding::Fit AxisPadding::fit(int64_t size, int kernel, int stride) const {
  if (dynamic) return {total_same(size, kernel, stride) / 2, (size + stride - 1) / stride};
  const int64_t room = size + before + after - kernel;
  if (room < 0) fail("an input of {} pixels is smaller than the {}-pixel kernel of a layer it reaches", size, kernel);
  return {before, room / stride + 1};
}

ConvPadding ConvPadding::of(const Padding& padding, int64_t nominal_h, int64_t nominal_w, int kernel, int stride) {
  return {AxisPadding::of(padding.mode, nominal_h, kernel, stride), AxisPadding::of(padding.mode, nominal_w, kernel, stride)};
}

}  // namespace mcnn
