// Replaces cublas.cpp or cudnn.cpp in builds that found no headers of that library: the library is then always absent.
#include "kernels/cuda/vendor/cublas.h"
#include "kernels/cuda/vendor/cudnn.h"
#include "runtime/error.h"

namespace mcnn::cuda {

constexpr const char* kNoHeaders = "this build was made without its headers";

#ifndef MCNN_WITH_CUBLAS
Cublas::Cublas() { fail("{}", kNoHeaders); }
Cublas::~Cublas() = default;
std::string Cublas::name() const { fail("{}", kNoHeaders); }
void Cublas::gemm(const Gemm&, void*, Stream) { fail("{}", kNoHeaders); }
#endif

#ifndef MCNN_WITH_CUDNN
class Cudnn::Descriptor {};
Cudnn::Cudnn(const char*) { fail("{}", kNoHeaders); }
Cudnn::~Cudnn() = default;
std::string Cudnn::name() const { fail("{}", kNoHeaders); }
const Cudnn::Plan& Cudnn::plan(const Convolution&) { fail("{}", kNoHeaders); }
void Cudnn::convolve(const Convolution&, const ConvolutionOperands&, void*, Stream) { fail("{}", kNoHeaders); }
#endif

}  // namespace mcnn::cuda
