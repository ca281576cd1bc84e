// Appends layers to a network and gives them timm's names; no other code decides names. timm numbers the batch norms of a block in their
// order. It calls the projection conv_pwl in blocks with an expansion (which is conv_pw), else conv_pw.
// Next: efficientnet.cpp uses it.
#pragma once
#include "models/network.h"

namespace mcnn {

enum class BlockType : uint8_t {
  separable,  ///< depthwise, squeeze-excite, project                 timm's DepthwiseSeparableConv
  inverted,   ///< expand, depthwise, squeeze-excite, project         InvertedResidual: MBConv
  fused,      ///< expand by a k x k convolution, project             EdgeResidual: FusedMBConv
  plain,      ///< one k x k convolution with an activation           ConvBnAct
};

/// A row of a family's table: blocks of one kind.
struct Blocks {
  BlockType type = BlockType::inverted;
  double expand = 1;
  int kernel = 3, stride = 1;  ///< the stride is the first block's
  int64_t out = 0;             ///< channels, before the width multiplier
  int repeats = 1;
  Activation act = Activation::swish;
  bool squeeze_excite = true;
};

/// A family's squeeze-excites. The hidden width is a quarter of the block's input, or of the expanded width, rounded.
struct SqueezeExciteStyle {
  bool of_expanded = false;
  Activation act = Activation::swish;
  GateFunction gate = GateFunction::sigmoid;
};

class NetworkBuilder {
 public:
  /// Throws Error if a multiplier is out of its bounds, before memory of that size is allocated.
  NetworkBuilder(const NetworkSpec& spec, std::string title, const SqueezeExciteStyle& style = {});

  int64_t scaled_width(int64_t channels) const;
  int scaled_depth(int repeats) const;

  void stem(int64_t out, Activation act);
  /// Appends a stage with the blocks of the rows; repeats are not scaled. A block has a skip if input and output have the same shape.
  void stage(const std::vector<Blocks>& rows);
  void head(int64_t out, Activation act);
  /// The same, if timm counts it as a block: blocks.6.0.conv.
  void head_block(int64_t out, Activation act);
  void pool();
  /// A linear layer between pooling and classifier, with the name of timm's convolution.
  void head_linear(int64_t out, Activation act);
  /// Dropout and the last linear layer.
  void classifier();

  Network finish();

 private:
  Layer& add(Part part, LayerKind kind, const std::string& name);
  void convolution(Part part, LayerKind kind, const std::string& name, int64_t out, int kernel, int stride, Activation act);
  void squeeze_excite(int64_t block_in);
  void block(const Blocks& row, int stride);

  Network network_;
  SqueezeExciteStyle style_;
  int64_t channels_ = 3;                   ///< of the last layer
  int64_t nominal_h_ = 0, nominal_w_ = 0;  ///< its size in a network with input Padding's HxW
  Role role_;                              ///< of the next layer
  std::string prefix_;                     ///< of its name
  int norms_ = 0, outer_norms_ = 0;        ///< batch norms with that prefix; batch norms outside the blocks
};

}  // namespace mcnn
