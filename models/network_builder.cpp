// Appends the layers of blocks, stem and heads; tracks channels, sizes and names.
// Contract: network_builder.h.  Next: efficientnet.cpp, efficientnet_v2.cpp, mobilenet_v3.cpp.
#include "models/network_builder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/error.h"

namespace mcnn {
namespace {

/// The nearest multiple of 8; the next one if that is more than 10% below `channels`.
int64_t round_channels(double channels) {
  const auto rounded = std::max<int64_t>(8, static_cast<int64_t>(channels + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + 8 : rounded;
}

}  // namespace

NetworkBuilder::NetworkBuilder(const NetworkSpec& spec, std::string title, const SqueezeExciteStyle& style)
    : network_{.spec = spec, .title = std::move(title)}, style_(style), nominal_h_(spec.padding.height), nominal_w_(spec.padding.width) {
  for (const auto& [name, value] : {std::pair("width", spec.width), std::pair("depth", spec.depth)})
    if (!(value >= kLeastMultiplier && value <= kLargestMultiplier))  // also NaN
      fail("the {} multiplier is {}, expected {} to {}", name, value, kLeastMultiplier, kLargestMultiplier);
}

int64_t NetworkBuilder::scaled_width(int64_t channels) const { return round_channels(static_cast<double>(channels) * network_.spec.width); }
int NetworkBuilder::scaled_depth(int repeats) const { return static_cast<int>(std::ceil(network_.spec.depth * repeats)); }

Layer& NetworkBuilder::add(Part part, LayerKind kind, const std::string& name) {
  Layer layer{.kind = kind, .name = prefix_ + name, .role = role_, .in = channels_, .out = channels_};
  layer.role.part = part;
  layer.input = static_cast<int>(network_.layers.size()) - 1;
  return network_.layers.emplace_back(std::move(layer));
}

void NetworkBuilder::convolution(Part part, LayerKind kind, const std::string& name, int64_t out, int kernel, int stride, Activation act) {
  Layer& layer = add(part, kind, name);
  layer.norm = prefix_ + "bn" + std::to_string(++norms_);
  layer.out = channels_ = out;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = ConvPadding::of(network_.spec.padding, nominal_h_, nominal_w_, kernel, stride);
  layer.act = act;
  nominal_h_ = (nominal_h_ + stride - 1) / stride;
  nominal_w_ = (nominal_w_ + stride - 1) / stride;
  ++role_.item;
}

void NetworkBuilder::squeeze_excite(int64_t block_in) {
  Layer& layer = add(Part::squeeze_excite, LayerKind::squeeze_excite, "se");
  layer.hidden = style_.of_expanded ? round_channels(static_cast<double>(channels_) / 4) : std::max<int64_t>(1, block_in / 4);
  layer.act = style_.act;
  layer.gate = style_.gate;
  ++role_.item;
}

void NetworkBuilder::stem(int64_t out, Activation act) {
  convolution(Part::stem, LayerKind::dense, "conv_stem", out, 3, 2, act);
  outer_norms_ = norms_;
  role_ = {.stage = 0, .block = 0};
}

void NetworkBuilder::stage(const std::vector<Blocks>& rows) {
  for (const Blocks& row : rows)
    for (int i = 0; i < row.repeats; ++i, ++role_.index, ++role_.block) block(row, i == 0 ? row.stride : 1);
  role_.index = 0;
  ++role_.stage;
}

void NetworkBuilder::block(const Blocks& row, int stride) {
  const int input = static_cast<int>(network_.layers.size()) - 1;
  const int64_t in = channels_, out = scaled_width(row.out), expanded = round_channels(static_cast<double>(in) * row.expand);
  prefix_ = role_.block_name() + ".";
  norms_ = role_.item = 0;
  const auto linear = Activation::identity;
  switch (row.type) {
    case BlockType::inverted: convolution(Part::expand, LayerKind::pointwise, "conv_pw", expanded, 1, 1, row.act); [[fallthrough]];
    case BlockType::separable:
      convolution(Part::depthwise, LayerKind::depthwise, "conv_dw", expanded, row.kernel, stride, row.act);
      if (row.squeeze_excite) squeeze_excite(in);
      convolution(Part::project, LayerKind::pointwise, row.type == BlockType::inverted ? "conv_pwl" : "conv_pw", out, 1, 1, linear);
      break;
    case BlockType::fused:
      convolution(Part::expand, LayerKind::dense, "conv_exp", expanded, row.kernel, stride, row.act);
      convolution(Part::project, LayerKind::pointwise, "conv_pwl", out, 1, 1, linear);
      break;
    case BlockType::plain: convolution(Part::project, LayerKind::dense, "conv", out, row.kernel, stride, row.act); break;
  }
  if (stride == 1 && in == out) add(Part::skip, LayerKind::residual, "skip").skip = input;
}

void NetworkBuilder::head(int64_t out, Activation act) {
  prefix_ = "";
  norms_ = outer_norms_;
  convolution(Part::head, LayerKind::pointwise, "conv_head", out, 1, 1, act);
}

void NetworkBuilder::head_block(int64_t out, Activation act) {
  prefix_ = role_.block_name() + ".";
  norms_ = role_.item = 0;
  convolution(Part::head, LayerKind::pointwise, "conv", out, 1, 1, act);
  prefix_ = "";
  ++role_.block;
}

void NetworkBuilder::pool() { add(Part::global_pool, LayerKind::global_pool, "global_pool"); }

void NetworkBuilder::head_linear(int64_t out, Activation act) {
  Layer& layer = add(Part::head_linear, LayerKind::linear, "conv_head");
  layer.out = channels_ = out;
  layer.act = act;
  layer.weight_is_1x1 = true;
}

void NetworkBuilder::classifier() {
  add(Part::dropout, LayerKind::dropout, "dropout").rate = network_.spec.dropout;
  add(Part::classifier, LayerKind::linear, "classifier").out = network_.spec.classes;
}

Network NetworkBuilder::finish() {
  const auto blocks = static_cast<float>(role_.block);
  for (Layer& layer : network_.layers)
    if (layer.kind == LayerKind::residual) layer.rate = network_.spec.drop_path * static_cast<float>(layer.role.block) / blocks;
  return std::move(network_);
}

}  // namespace mcnn
