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
  /// Bytes. NVIDIA recommends 32 MiB for Hopper and 4 MiB for other GPUs.
  static constexpr std::size_t kWorkspace = std::size_t{32} << 20;

  /// Throws Error if the library is absent, of another version, or finds no GPU.
  Cublas();
  ~Cublas();
  Cublas(const Cublas&) = delete;
  std::string name() const;  ///< "cuBLAS 13.1"
  void gemm(const Gemm& product, void* workspace, Stream stream);

 private:
  cublasContext* handle_ = nullptr;
};

}  // namespace mcnn::cuda
