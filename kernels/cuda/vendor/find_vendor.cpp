// Combines the two libraries into one Vendor; either may be absent.  Contract: vendor.h.
#include <functional>

#include "kernels/cuda/vendor/cublas.h"
#include "kernels/cuda/vendor/cudnn.h"
#include "kernels/cuda/vendor/libraries.h"
#include "kernels/cuda/vendor/vendor.h"
#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

class Libraries final : public Vendor {
 public:
  Libraries(std::unique_ptr<Cublas> cublas, std::unique_ptr<Cudnn> cudnn, int capability)
      : cublas_(std::move(cublas)), cudnn_(std::move(cudnn)), capability_(capability) {}

  /// GPUs multiply bf16 from sm_80 on.
  bool multiplies(DType type) const override { return cublas_ && (type != DType::bf16 || capability_ >= 80); }
  std::size_t gemm_workspace() const override { return Cublas::kWorkspace; }
  void gemm(const Gemm& product, void* workspace, Stream stream) override { cublas_->gemm(product, workspace, stream); }

  std::optional<std::size_t> convolution_workspace(const Convolution& convolution) override {
    if (!cudnn_) return {};
    const Cudnn::Plan& plan = cudnn_->plan(convolution);
    return plan.execution ? std::optional(plan.workspace) : std::nullopt;
  }
  void convolve(const Convolution& convolution, const ConvolutionOperands& operands, void* workspace, Stream stream) override {
    cudnn_->convolve(convolution, operands, workspace, stream);
  }

 private:
  std::unique_ptr<Cublas> cublas_;
  std::unique_ptr<Cudnn> cudnn_;
  int capability_;
};

/// Opens a library, or returns null. Appends its name, or the reason why it is absent, to `line`.
template <class Opened>
std::unique_ptr<Opened> open(const char* name, std::string& line) {
  std::unique_ptr<Opened> library;
  std::string said;
  try {
    library = std::make_unique<Opened>();
    said = library->name();
  } catch (const Error& e) {
    said = fmt::format("no {}: {}", name, e.what());
  }
  line += (line.empty() ? "" : ", ") + said;
  return library;
}

}  // namespace

FoundVendor find_vendor(int capability) {
  check_named_folder(Cublas::kFile, Cudnn::kFile);
  std::string line;
  auto cublas = open<Cublas>("cuBLAS", line);
  auto cudnn = open<Cudnn>("cuDNN", line);
  if (!cublas && !cudnn) return {nullptr, "own kernels, " + line};
  return {std::make_unique<Libraries>(std::move(cublas), std::move(cudnn), capability), line};
}

}  // namespace mcnn::cuda
