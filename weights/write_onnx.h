// Writes a network as an ONNX file: evaluation mode, any batch, one input size. Padding is written as numbers for that size, so SAME is
// exact. swish becomes Sigmoid and Mul, ReLU6 becomes Clip, squeeze-excite becomes a global average and two 1x1 convolutions.
// Source: the ONNX operator schemas, opset 17 (the operators used here mean the same up to opset 23).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "formats/tensor_file.h"
#include "layers/parameters.h"
#include "models/published_networks.h"

namespace mcnn {

constexpr int kOldestOpset = 17, kNewestOpset = 23;

struct OnnxOptions {
  int opset = kOldestOpset;
  int64_t height = 0, width = 0;  ///< of the input
  bool fold_norm = false;         ///< batch norm multiplied into the convolution before it
  /// If set, the input is "image" (N,H,W,3) uint8, and the graph computes (x/255 - mean)/std. If not, the input is "image" (N,3,H,W) float,
  /// already normalised.
  struct Preprocessing {
    std::array<float, 3> mean, std;
  };
  std::optional<Preprocessing> preprocessing;
};

/// The output is "logits" (N,classes). `metadata` becomes the model's metadata_props. Throws Error for an opset out of range, an input
/// smaller than a convolution's window, or a network beyond protobuf's 2 GiB.
void write_onnx(const std::string& path, const Network& network, Parameters& parameters, const OnnxOptions& options,
                const Metadata& metadata);

}  // namespace mcnn
