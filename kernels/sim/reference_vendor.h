// Replaces cuBLAS and cuDNN on the emulator: checks each call as the libraries do, and computes it by loops in a kernel of one thread.
// Contract: kernels/cuda/vendor/vendor.h.
#pragma once
#include "kernels/cuda/vendor/vendor.h"

namespace simt {

class ReferenceVendor final : public mcnn::cuda::Vendor {
 public:
  bool multiplies(mcnn::DType type) const override;
  std::size_t gemm_workspace() const override;
  /// Throws Error for calls that cuBLAS refuses, and for operands outside device memory.
  void gemm(const mcnn::cuda::Gemm& product, void* workspace, mcnn::cuda::Stream stream) override;
  std::optional<std::size_t> convolution_workspace(const mcnn::cuda::Convolution& convolution) override;
  void convolve(const mcnn::cuda::Convolution& convolution, const mcnn::cuda::ConvolutionOperands& operands, void* workspace,
                mcnn::cuda::Stream stream) override;
};

}  // namespace simt
