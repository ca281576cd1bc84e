// What answers for cuBLAS and cuDNN on the emulator: the checks that the libraries make of a call, and kernels of one thread that
// loop over what it says.
#pragma once
#include "kernels/cuda/vendor/vendor.h"

namespace simt {

class ReferenceVendor final : public mcnn::cuda::Vendor {
 public:
  bool multiplies(mcnn::DType type) const override;
  std::size_t gemm_workspace() const override;
  /// Throws Error for what cuBLAS refuses, and for operands that reach out of device memory.
  void gemm(const mcnn::cuda::Gemm& product, void* workspace, mcnn::cuda::Stream stream) override;
  std::optional<std::size_t> convolution_workspace(const mcnn::cuda::Convolution& convolution) override;
  void convolve(const mcnn::cuda::Convolution& convolution, const mcnn::cuda::ConvolutionOperands& operands, void* workspace,
                mcnn::cuda::Stream stream) override;
};

}  // namespace simt
