#include "models/layer_table.h"

#include <functional>
#include <numeric>

#include "models/layer_tensors.h"

namespace mcnn {

std::vector<LayerRow> layer_table(const Network& network, int64_t batch, int64_t height, int64_t width) {
  std::vector<LayerRow> rows;
  std::vector<Shape> outputs;  // of the layers
  for (const Layer& layer : network.layers) {
    const Shape in = layer.input == kImageInput ? Shape{batch, height, width, 3} : outputs[layer.input];
    Shape out = in;
    LayerRow row{.name = layer.name, .kind = layer.kind, .kernel = layer.kernel, .stride = layer.stride, .squeezed = layer.hidden};
    for (const LayerTensor& tensor : tensors_of(layer)) {
      if (!tensor.trained()) continue;
      const int64_t elements = std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1}, std::multiplies<>());
      row.parameters += elements;
      if (tensor.shape.size() > 1) row.macs += elements;  // per output pixel so far
    }
    if (is_convolution(layer.kind)) {
      const auto [top, h] = layer.padding.vertical.fit(in[1], layer.kernel, layer.stride);
      const auto [left, w] = layer.padding.horizontal.fit(in[2], layer.kernel, layer.stride);
      out = {batch, h, w, layer.out};
      row.pad_top = top;
      row.pad_left = left;
      row.macs *= batch * h * w;
      row.kept = out.size();
      row.in = in;
      row.out = out;
    } else if (layer.kind == LayerKind::squeeze_excite || layer.kind == LayerKind::linear) {
      row.macs *= batch;
      row.in = {batch, layer.in};
      row.out = {batch, layer.out};
      if (layer.kind == LayerKind::linear) out = row.out;
    } else if (layer.kind == LayerKind::residual) {
      rows.back().kept += in.size();
    } else if (layer.kind == LayerKind::global_pool) {
      out = {batch, layer.out};
    }
    outputs.push_back(out);
    if (row.parameters > 0) rows.push_back(row);
  }
  return rows;
}

std::string describe(const Network& network, int64_t batch, int64_t height, int64_t width) {
  constexpr double kMega = 1e6;
  std::string text = fmt::format("{:<24} {:<15} {:>22} {:>22} {:>7} {:>11} {:>11} {:>9}\n", "layer", "operation", "input", "output",
                                 "kernel", "parameters", "MACs (M)", "kept (MB)");
  LayerRow sum{.name = "total", .kind = LayerKind::linear};
  for (const LayerRow& row : layer_table(network, batch, height, width)) {
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
