// Batch norm: computes scale and shift from moments, and the sums that its gradient needs. It writes no feature map; readers apply it.
// Source: Ioffe & Szegedy 2015; conventions PyTorch's.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// Computes mean, invstd, scale and shift from the moments of an earlier operation. A convolution with its batch norm as an operand does
/// this itself.
struct BatchNormForward {
  static constexpr const char* kName = "batch_norm_forward";
  Moments moments;    ///< (C)
  int64_t count = 0;  ///< values per channel, >= 2
  NormUpdate update;  ///< (C)

  void operands(Operands& reader) {
    reader.rank("gamma", update.gamma, 1);
    reader.require(count >= 2, "count is {}, expected 2 or more: one value has no variance", count);
    const Shape channels = update.gamma.shape();
    reader.input("moments.mean", moments.mean, channels);
    reader.input("moments.m2", moments.m2, channels);
    reader.require(update.requested(), "norm.mean is absent, expected {}", channels.str());
    reader.norm_update(update, channels[0]);
  }
};

/// The same from the running statistics: evaluation, and frozen batch norm in training.
struct BatchNormFrozen {
  static constexpr const char* kName = "batch_norm_frozen";
  Tensor running_mean, running_var;  ///< (C)
  Tensor gamma, beta;                ///< (C)
  float eps = 1e-3f;
  Norm norm;  ///< (C)

  void operands(Operands& reader) {
    reader.rank("gamma", gamma, 1);
    const Shape channels = gamma.shape();
    reader.input("gamma", gamma, channels);
    reader.input("beta", beta, channels);
    reader.input("running_mean", running_mean, channels);
    reader.input("running_var", running_var, channels);
    reader.norm("", norm, channels[0], Access::write);
  }
};

/// For a batch norm whose reader is the sum at the end of a block with a skip: du = stored*sample_scale*act'(u), act of x.
///   sum_du[c] = sum_{n,h,w} du          sum_du_xhat[c] = sum_{n,h,w} du * xhat(x)
struct BatchNormSums {
  static constexpr const char* kName = "batch_norm_sums";
  Feature x;                   ///< (N,H,W,C), with a norm
  Tensor stored;               ///< (N,H,W,C)
  Tensor sample_scale;         ///< (N) or absent
  Tensor sum_du, sum_du_xhat;  ///< (C); absent: not requested

  void operands(Operands& reader) {
    reader.feature("x", x);
    reader.require(x.norm.defined(), "x has no norm");
    reader.input("stored", stored, x.raw.shape(), x.raw.dtype());
    reader.optional_input("sample_scale", sample_scale, {x.raw.n()});
    reader.optional_output("sum_du", sum_du, {x.raw.c()});
    reader.optional_output("sum_du_xhat", sum_du_xhat, {x.raw.c()});
  }
};

/// For a batch norm whose reader is a gate or a pooling, from the (N,C) sums of InputGradient and PoolForward:
///   sum_du[c]      = sum_n gate[n,c]*sum_dz_slope[n,c]      + pooled[n,c]*slope[n,c]
///   sum_du_xhat[c] = sum_n gate[n,c]*sum_dz_slope_xhat[n,c] + pooled[n,c]*slope_xhat[n,c]
/// For global pooling, gate and the dz sums are absent, and their term is 0.
struct BatchNormSumsGated {
  static constexpr const char* kName = "batch_norm_sums_gated";
  Tensor gate, sum_dz_slope, sum_dz_slope_xhat;  ///< (N,C) or absent
  Tensor pooled, slope, slope_xhat;              ///< (N,C)
  Tensor sum_du, sum_du_xhat;                    ///< (C); absent: not requested

  void operands(Operands& reader) {
    reader.rank("pooled", pooled, 2);
    const Shape per_sample = pooled.shape(), channels = {per_sample[1]};
    reader.input("pooled", pooled, per_sample);
    reader.require(gate.defined() == sum_dz_slope.defined() && gate.defined() == sum_dz_slope_xhat.defined(),
                   "of gate, sum_dz_slope and sum_dz_slope_xhat some are absent and some are not");
    reader.optional_input("gate", gate, per_sample);
    reader.optional_input("sum_dz_slope", sum_dz_slope, per_sample);
    reader.optional_input("sum_dz_slope_xhat", sum_dz_slope_xhat, per_sample);
    reader.input("slope", slope, per_sample);
    reader.input("slope_xhat", slope_xhat, per_sample);
    reader.optional_output("sum_du", sum_du, channels);
    reader.optional_output("sum_du_xhat", sum_du_xhat, channels);
  }
};

}  // namespace mcnn
