#include "models/layer_table.h"

namespace mcnn {
namespace {

class Walk {
 public:
  Walk(const EfficientNetSpec& spec, Shape input)
      : spec_(spec), nominal_h_(spec.padding.height), nominal_w_(spec.padding.width), at_(input) {}

  void convolution(const std::string& name, LayerKind kind, int64_t out, int kernel, int stride) {
    const ConvPadding padding = ConvPadding::of(spec_.padding, nominal_h_, nominal_w_, kernel, stride);
    const auto [top, h] = padding.vertical.fit(at_[1], kernel, stride);
    const auto [left, w] = padding.horizontal.fit(at_[2], kernel, stride);
    nominal_h_ = (nominal_h_ + stride - 1) / stride;
    nominal_w_ = (nominal_w_ + stride - 1) / stride;
    LayerRow row{.name = name, .kind = kind, .in = at_, .out = {at_[0], h, w, out}, .kernel = kernel, .stride = stride};
    row.pad_top = top;
    row.pad_left = left;
    const int64_t weights = kernel * kernel * out * (kind == LayerKind::depthwise ? 1 : at_[3]);
    row.parameters = weights + 2 * out;
    row.macs = at_[0] * h * w * weights;
    row.kept = row.out.size();
    at_ = row.out;
    rows.push_back(row);
  }

  void squeeze_excite(const std::string& name, int64_t squeezed) {
    const int64_t weights = 2 * at_[3] * squeezed;
    rows.push_back({.name = name,
                    .kind = LayerKind::squeeze_excite,
                    .in = {at_[0], at_[3]},
                    .out = {at_[0], at_[3]},
                    .squeezed = squeezed,
                    .parameters = weights + squeezed + at_[3],
                    .macs = at_[0] * weights});
  }

  void linear(const std::string& name, int64_t out) {
    const int64_t weights = at_[3] * out;
    rows.push_back({.name = name,
                    .kind = LayerKind::linear,
                    .in = {at_[0], at_[3]},
                    .out = {at_[0], out},
                    .parameters = weights + out,
                    .macs = at_[0] * weights});
  }

  /// The sum that ends a block is kept beside the project convolution's output.
  void skip() { rows.back().kept += at_.size(); }

  std::vector<LayerRow> rows;

 private:
  const EfficientNetSpec& spec_;
  int64_t nominal_h_, nominal_w_;
  Shape at_;
};

}  // namespace

std::vector<LayerRow> layer_table(const EfficientNetSpec& spec, int64_t batch, int64_t height, int64_t width) {
  const Architecture architecture = scale(spec);
  Walk walk(spec, {batch, height, width, 3});
  walk.convolution("conv_stem", LayerKind::dense, architecture.stem, 3, 2);
  for (const BlockSpec& b : architecture.blocks) {
    const bool expands = b.expand != 1;
    if (expands) walk.convolution(b.name() + ".conv_pw", LayerKind::pointwise, b.in * b.expand, 1, 1);
    walk.convolution(b.name() + ".conv_dw", LayerKind::depthwise, b.in * b.expand, b.kernel, b.stride);
    if (b.squeezed > 0) walk.squeeze_excite(b.name() + ".se", b.squeezed);
    walk.convolution(b.name() + (expands ? ".conv_pwl" : ".conv_pw"), LayerKind::pointwise, b.out, 1, 1);
    if (b.skip) walk.skip();
  }
  walk.convolution("conv_head", LayerKind::pointwise, architecture.head, 1, 1);
  walk.linear("classifier", spec.classes);
  return walk.rows;
}

const char* name_of(LayerKind kind) {
  switch (kind) {
    case LayerKind::dense: return "dense";
    case LayerKind::pointwise: return "pointwise";
    case LayerKind::depthwise: return "depthwise";
    case LayerKind::squeeze_excite: return "squeeze-excite";
    case LayerKind::linear: return "linear";
  }
  return "";
}

std::string describe(const EfficientNetSpec& spec, int64_t batch, int64_t height, int64_t width) {
  constexpr double kMega = 1e6;
  std::string text = fmt::format("{:<24} {:<15} {:>22} {:>22} {:>7} {:>11} {:>11} {:>9}\n", "layer", "operation", "input", "output",
                                 "kernel", "parameters", "MACs (M)", "kept (MB)");
  LayerRow sum{.name = "total", .kind = LayerKind::linear};
  for (const LayerRow& row : layer_table(spec, batch, height, width)) {
    const std::string kernel =
        row.stride == 1 ? fmt::format("{}x{}", row.kernel, row.kernel) : fmt::format("{}x{} /{}", row.kernel, row.kernel, row.stride);
    text += fmt::format("{:<24} {:<15} {:>22} {:>22} {:>7} {:>11} {:>11.2f} {:>9.2f}\n", row.name, name_of(row.kind), row.in.str(),
                        row.out.str(), kernel, row.parameters, static_cast<double>(row.macs) / kMega,
                        static_cast<double>(row.kept * 4) / kMega);
    sum.parameters += row.parameters;
    sum.macs += row.macs;
    sum.kept += row.kept;
  }
  text += fmt::format("{:<24} {:<15} {:>22} {:>22} {:>7} {:>11} {:>11.2f} {:>9.2f}\n", sum.name, "", "", "", "", sum.parameters,
                      static_cast<double>(sum.macs) / kMega, static_cast<double>(sum.kept * 4) / kMega);
  return text;
}

}  // namespace mcnn
