#include "models/efficientnet.h"

namespace mcnn {
namespace {

Activation activation(const EfficientNetSpec& spec) { return spec.lite ? Activation::relu6 : Activation::swish; }

BatchNormOptions norm_options(const EfficientNetSpec& spec) { return {spec.bn_eps, spec.bn_momentum, spec.frozen_norm}; }

ConvNorm make_stem(const EfficientNetSpec& spec, int64_t channels, Parameters& parameters) {
  return ConvNorm(parameters, "conv_stem", "bn1",
                  {.kind = WeightKind::dense,
                   .in = 3,
                   .out = channels,
                   .kernel = 3,
                   .stride = 2,
                   .padding = ConvPadding::of(spec.padding, spec.padding.height, spec.padding.width, 3, 2),
                   .act = activation(spec),
                   .norm = norm_options(spec)});
}

std::vector<MBConv> make_blocks(const EfficientNetSpec& spec, const Architecture& architecture, Parameters& parameters) {
  // Sizes the blocks would see in a network fed Padding's HxW.
  const auto halved = [](int64_t size, int stride) { return (size + stride - 1) / stride; };
  int64_t h = halved(spec.padding.height, 2), w = halved(spec.padding.width, 2);
  const auto total = static_cast<float>(architecture.blocks.size());
  std::vector<MBConv> blocks;
  blocks.reserve(architecture.blocks.size());
  for (const BlockSpec& b : architecture.blocks) {
    const auto index = static_cast<uint32_t>(blocks.size());
    blocks.emplace_back(parameters, MBConvOptions{.name = b.name(),
                                                  .in = b.in,
                                                  .out = b.out,
                                                  .expand = b.expand,
                                                  .kernel = b.kernel,
                                                  .stride = b.stride,
                                                  .squeezed = b.squeezed,
                                                  .skip = b.skip,
                                                  .drop_path = spec.drop_path * static_cast<float>(index) / total,
                                                  .index = index,
                                                  .padding = ConvPadding::of(spec.padding, h, w, b.kernel, b.stride),
                                                  .act = activation(spec),
                                                  .norm = norm_options(spec)});
    h = halved(h, b.stride);
    w = halved(w, b.stride);
  }
  return blocks;
}

ConvNorm make_head_conv(const EfficientNetSpec& spec, const Architecture& architecture, Parameters& parameters) {
  return ConvNorm(
      parameters, "conv_head", "bn2",
      {.in = architecture.blocks.back().out, .out = architecture.head, .padding = {}, .act = activation(spec), .norm = norm_options(spec)});
}

}  // namespace

// Members are built in the order of timm's state dict.
EfficientNet::EfficientNet(const EfficientNetSpec& spec, Parameters& parameters)
    : spec_(spec),
      architecture_(scale(spec)),
      stem_(make_stem(spec, architecture_.stem, parameters)),
      blocks_(make_blocks(spec, architecture_, parameters)),
      head_conv_(make_head_conv(spec, architecture_, parameters)),
      head_(parameters, architecture_.head, spec.classes, spec.dropout) {
  parameters.allocate();
}

Var EfficientNet::features(const Context& ctx, const Tensor& images, const std::string& last) const {
  const auto input = std::make_shared<Variable>(Feature{.raw = images});
  input->wants_gradient = false;
  Var x = stem_.forward(ctx, input);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    x = blocks_[b].forward(ctx, x);
    if (architecture_.blocks[b].name() == last) break;
  }
  return x;
}

Logits EfficientNet::forward(const Context& ctx, const Tensor& images) const {
  return head_.forward(ctx, head_conv_.forward(ctx, features(ctx, images)));
}

}  // namespace mcnn
