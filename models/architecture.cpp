#include "models/architecture.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/nearest.h"

namespace mcnn {
namespace {

struct Stage {
  int expand, kernel, stride;
  int64_t in, out;
  int repeats;
};
constexpr std::array<Stage, 7> kStages{{{1, 3, 1, 32, 16, 1},
                                        {6, 3, 2, 16, 24, 2},
                                        {6, 5, 2, 24, 40, 2},
                                        {6, 3, 2, 40, 80, 3},
                                        {6, 5, 1, 80, 112, 3},
                                        {6, 5, 2, 112, 192, 4},
                                        {6, 3, 1, 192, 320, 1}}};

struct Published {
  const char* name;
  double width, depth;
  int resolution;
  float dropout;
};
constexpr std::array<Published, 13> kPublished{{{"b0", 1.0, 1.0, 224, 0.2f},
                                                {"b1", 1.0, 1.1, 240, 0.2f},
                                                {"b2", 1.1, 1.2, 260, 0.3f},
                                                {"b3", 1.2, 1.4, 300, 0.3f},
                                                {"b4", 1.4, 1.8, 380, 0.4f},
                                                {"b5", 1.6, 2.2, 456, 0.4f},
                                                {"b6", 1.8, 2.6, 528, 0.5f},
                                                {"b7", 2.0, 3.1, 600, 0.5f},
                                                {"lite0", 1.0, 1.0, 224, 0.2f},
                                                {"lite1", 1.0, 1.1, 240, 0.2f},
                                                {"lite2", 1.1, 1.2, 260, 0.3f},
                                                {"lite3", 1.2, 1.4, 280, 0.3f},
                                                {"lite4", 1.4, 1.8, 300, 0.3f}}};

// Channels are multiples of 8, never more than 10% below the scaled width.
int64_t round_filters(int64_t filters, double width) {
  const double scaled = static_cast<double>(filters) * width;
  const auto rounded = std::max<int64_t>(8, static_cast<int64_t>(scaled + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * scaled ? rounded + 8 : rounded;
}

int round_repeats(int repeats, double depth) { return static_cast<int>(std::ceil(depth * repeats)); }

}  // namespace

EfficientNetSpec efficientnet_spec(std::string_view name) {
  std::vector<std::string> names;
  for (const Published& p : kPublished) {
    if (name == p.name)
      return {.name = p.name,
              .width = p.width,
              .depth = p.depth,
              .lite = name.starts_with("lite"),
              .padding = {},
              .dropout = p.dropout,
              .drop_path = 0.2f,
              .resolution = p.resolution};
    names.emplace_back(p.name);
  }
  fail("unknown model '{}'{}", name, did_you_mean(name, names));
}

Architecture scale(const EfficientNetSpec& spec) {
  for (const auto& [name, value] : {std::pair("width", spec.width), std::pair("depth", spec.depth)})
    if (!(value >= kLeastMultiplier && value <= kLargestMultiplier))  // also NaN
      fail("the {} multiplier is {}, expected {} to {}", name, value, kLeastMultiplier, kLargestMultiplier);
  Architecture a;
  a.stem = spec.lite ? 32 : round_filters(32, spec.width);
  a.head = spec.lite ? 1280 : round_filters(1280, spec.width);
  for (std::size_t s = 0; s < kStages.size(); ++s) {
    const Stage& stage = kStages[s];
    const bool outer = s == 0 || s + 1 == kStages.size();
    const int repeats = spec.lite && outer ? stage.repeats : round_repeats(stage.repeats, spec.depth);
    const int64_t stage_in = s == 0 ? a.stem : round_filters(stage.in, spec.width);
    const int64_t out = round_filters(stage.out, spec.width);
    for (int i = 0; i < repeats; ++i) {
      BlockSpec b{.stage = static_cast<int>(s), .index = i, .expand = stage.expand, .kernel = stage.kernel};
      b.stride = i == 0 ? stage.stride : 1;
      b.in = i == 0 ? stage_in : out;
      b.out = out;
      b.squeezed = spec.lite ? 0 : std::max<int64_t>(1, b.in / 4);
      b.skip = b.stride == 1 && b.in == b.out;
      a.blocks.push_back(b);
    }
  }
  return a;
}

}  // namespace mcnn
