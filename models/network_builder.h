// Appends layers to a network under timm's names: the one place that decides them. timm numbers the batch norms of a block in the
// order in which they stand, and calls the projection conv_pwl where an expansion has taken conv_pw.
// Next: efficientnet.cpp is written with it.
#pragma once
#include "models/network.h"

namespace mcnn {

enum class BlockType : uint8_t {
  separable,  ///< depthwise, squeeze-excite, project                 timm's DepthwiseSeparableConv
  inverted,   ///< expand, depthwise, squeeze-excite, project         InvertedResidual: MBConv
};

/// A row of a family's table.
struct Stage {
  BlockType type = BlockType::inverted;
  double expand = 1;
  int kernel = 3, stride = 1;  ///< the stride is the first block's
  int64_t out = 0;             ///< channels, before the width multiplier
  int repeats = 1;             ///< blocks
  Nonlinearity act = Nonlinearity::swish;
  bool squeeze_excite = true;
};

class NetworkBuilder {
 public:
  /// Throws Error if a multiplier is out of its bounds, before anything of that size is made.
  NetworkBuilder(const NetworkSpec& spec, std::string title);

  int64_t scaled_width(int64_t channels) const;
  int scaled_depth(int repeats) const;

  void stem(int64_t out, Nonlinearity act);
  /// Blocks as the row says, its repeats taken as they are. A block has a skip where input and output have one shape.
  void stage(const Stage& row);
  void head(int64_t out, Nonlinearity act);
  /// Global pool, dropout, linear.
  void classifier();

  Network finish();

 private:
  Layer& add(Part part, LayerKind kind, const std::string& name);
  void convolution(Part part, LayerKind kind, const std::string& name, int64_t out, int kernel, int stride, Nonlinearity act);
  void squeeze_excite(int64_t hidden);
  void block(const Stage& row, int stride);

  Network network_;
  int64_t channels_ = 3;                   ///< of the last layer
  int64_t nominal_h_ = 0, nominal_w_ = 0;  ///< its size in a network fed Padding's HxW
  Role role_;                              ///< of what comes next
  std::string prefix_;                     ///< of its names
  int norms_ = 0, outer_norms_ = 0;        ///< under that prefix, and outside the blocks
};

}  // namespace mcnn
