// A network as a table: each layer's shapes, parameters and work, for `mcnn-train --describe` and bench_kernels.
#pragma once
#include <string>
#include <vector>

#include "models/network.h"
#include "runtime/tensor.h"

namespace mcnn {

struct LayerRow {
  std::string name;  ///< timm's, of the layer's weight: "blocks.2.1.conv_dw"
  LayerKind kind;
  Shape in, out;  ///< (N,H,W,C); (N,C) for squeeze-excite and the classifier
  int kernel = 1, stride = 1, pad_top = 0, pad_left = 0;
  int64_t squeezed = 0;    ///< squeeze-excite's hidden width
  int64_t parameters = 0;  ///< batch norm's gamma and beta included
  int64_t macs = 0;        ///< multiply-adds of the layer's products, whole batch
  int64_t kept = 0;        ///< elements of the feature maps a training step keeps for backward
};

/// A row for each layer with weights. The `kept` of a residual is added to the layer before it.
std::vector<LayerRow> layer_table(const Network& network, int64_t batch, int64_t height, int64_t width);

/// The table as text, with a line of totals; memory in MB of fp32 storage.
std::string describe(const Network& network, int64_t batch, int64_t height, int64_t width);

}  // namespace mcnn
