// Calls cublasGemmEx rather than cublasLt: its heuristics choose the kernel of every call, in a workspace that we provide.
// fp32 is multiplied as fp32 or, if Gemm::tf32 is set, as tf32; cuBLAS's emulation of fp32 by bf16 stays off.
#include "kernels/cuda/vendor/cublas.h"

#include <cublas_v2.h>

#include "kernels/cuda/vendor/libraries.h"
#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

// (The header overloads this name.)
using GemmEx = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k, const void* alpha,
                                  const void* a, cudaDataType, int lda, const void* b, cudaDataType, int ldb, const void* beta, void* c,
                                  cudaDataType, int ldc, cublasComputeType_t, cublasGemmAlgo_t);

struct Functions {
  Library library{Cublas::kFile};
  decltype(&cublasGetProperty) get_property = library.function<decltype(&cublasGetProperty)>("cublasGetProperty");
  int major = property(MAJOR_VERSION), minor = checked_minor();  // checked before functions that other versions may lack
  decltype(&cublasGetStatusString) status_string = library.function<decltype(&cublasGetStatusString)>("cublasGetStatusString");
  decltype(&cublasCreate) create = library.function<decltype(&cublasCreate)>("cublasCreate_v2");
  decltype(&cublasDestroy) destroy = library.function<decltype(&cublasDestroy)>("cublasDestroy_v2");
  decltype(&cublasSetStream) set_stream = library.function<decltype(&cublasSetStream)>("cublasSetStream_v2");
  decltype(&cublasSetWorkspace) set_workspace = library.function<decltype(&cublasSetWorkspace)>("cublasSetWorkspace_v2");
  decltype(&cublasSetMathMode) set_math_mode = library.function<decltype(&cublasSetMathMode)>("cublasSetMathMode");
  GemmEx gemm = library.function<GemmEx>("cublasGemmEx");

 private:
  int property(libraryPropertyType type) const {
    int value = 0;
    get_property(type, &value);
    return value;
  }
  int checked_minor() const {
    const int found = property(MINOR_VERSION);
    if (major != CUBLAS_VER_MAJOR) fail("{} is cuBLAS {}.{}, and this build needs {}", library.path(), major, found, CUBLAS_VER_MAJOR);
    return found;
  }
};

const Functions& functions() {
  static const Functions found;
  return found;
}

void require(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("{}: {} ({})", call, functions().status_string(status), static_cast<int>(status));
}

cudaDataType type_of(DType type) { return type == DType::f32 ? CUDA_R_32F : type == DType::bf16 ? CUDA_R_16BF : CUDA_R_16F; }
cublasComputeType_t arithmetic(const Gemm& p) { return p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F; }
cublasOperation_t operation(bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; }

}  // namespace

Cublas::Cublas() {
  require(functions().create(&handle_), "cublasCreate");
  // Split-k partial sums are added in fp32, not in the 16-bit type of the result.
  const auto mode = static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
  require(functions().set_math_mode(handle_, mode), "cublasSetMathMode");
}

Cublas::~Cublas() { functions().destroy(handle_); }

std::string Cublas::name() const { return fmt::format("cuBLAS {}.{}", functions().major, functions().minor); }

void Cublas::gemm(const Gemm& p, void* workspace, Stream stream) {
  const Functions& cublas = functions();
  require(cublas.set_stream(handle_, stream), "cublasSetStream");  // resets the workspace to cuBLAS's own
  require(cublas.set_workspace(handle_, workspace, kWorkspace), "cublasSetWorkspace");
  require(cublas.gemm(handle_, operation(p.transpose_a), operation(p.transpose_b), p.m, p.n, p.k, &p.alpha, p.a, type_of(p.type), p.lda,
                      p.b, type_of(p.type), p.ldb, &p.beta, p.c, type_of(p.c_type), p.ldc, arithmetic(p), CUBLAS_GEMM_DEFAULT),
          "cublasGemmEx");
}

}  // namespace mcnn::cuda
