// cuBLAS 13, for matrix products with fp32 accumulation.
// Next: vendor.h says what a product is; libraries.h finds the file.
#pragma once
#include <string>

#include "kernels/cuda/vendor/vendor.h"

struct cublasContext;

namespace mcnn::cuda {

class Cublas {
 public:
  static constexpr const char* kFile = "libcublas.so.13";
  /// What Hopper's kernels want at most; other GPUs' want 4 MiB.
  static constexpr std::size_t kWorkspace = std::size_t{32} << 20;

  /// Throws Error: it is not there, is of another version, or finds no GPU.
  Cublas();
  ~Cublas();
  Cublas(const Cublas&) = delete;
  std::string name() const;  ///< "cuBLAS 13.1"
  void gemm(const Gemm& product, void* workspace, Stream stream);

 private:
  cublasContext* handle_ = nullptr;
};

}  // namespace mcnn::cuda
