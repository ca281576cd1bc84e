// A network as an ONNX file: evaluation mode, any batch, one input size. Padding is written out for that size, so SAME is
// exact; swish is Sigmoid and Mul, ReLU6 Clip, squeeze-excite a global average and two 1x1 convolutions.
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
  /// Channels in [0,1]. Set: the input is "image" (N,H,W,3) uint8 and (x/255 - mean)/std stands in the graph. Unset: the
  /// input is "image" (N,3,H,W) float, normalised already.
  struct Preprocessing {
    std::array<float, 3> mean, std;
  };
  std::optional<Preprocessing> preprocessing;
};

/// The output is "logits" (N,classes). `metadata` becomes the model's metadata_props. Throws Error: an opset outside the
/// range, an input the network's kernels do not fit in, a network beyond protobuf's 2 GiB.
void write_onnx(const std::string& path, const Network& network, Parameters& parameters, const OnnxOptions& options,
                const Metadata& metadata);

}  // namespace mcnn
