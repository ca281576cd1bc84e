// cuDNN 9 by its graph API, for dense convolutions: builds plans and runs them. Plans can be built for a GPU that this machine lacks.
// Next: vendor.h says what a convolution is; libraries.h finds the file.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "kernels/cuda/vendor/vendor.h"

struct cudnnContext;

namespace mcnn::cuda {

class Cudnn {
 public:
  static constexpr const char* kFile = "libcudnn.so.9";
  static constexpr int kLeastVersion = 90800;  ///< the first with descriptions of devices

  /// Bytes of a plan's workspace at most: engines that need more are skipped.
  static constexpr int64_t kMostWorkspace = int64_t{256} << 20;

  /// For the current GPU; or, given `device` (its properties in cuDNN's JSON), for building plans only. Throws Error if the library is
  /// absent, of another version, or finds no GPU.
  explicit Cudnn(const char* device = nullptr);
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  std::string name() const;  ///< "cuDNN 9.19"

  class Descriptor;
  /// How a convolution is run: deterministic, accumulated in fp32; fp32 is multiplied as fp32 or, if Convolution::tf32, as tf32.
  struct Plan {
    std::shared_ptr<Descriptor> execution;  ///< null: cuDNN has no engine for it
    std::string refusal;                    ///< the reason, if execution is null
    std::size_t workspace = 0;              ///< bytes
    int64_t engine = 0;                     ///< cuDNN's number of the chosen engine
    int candidates = 0, skipped = 0;        ///< engines tried; of these, ruled out by numerical notes or workspace
  };
  /// Built once for this object's device and library.
  const Plan& plan(const Convolution& convolution);
  void convolve(const Convolution& convolution, const ConvolutionOperands& operands, void* workspace, Stream stream);

 private:
  Plan build(const Convolution& convolution) const;

  cudnnContext* handle_ = nullptr;
  std::unique_ptr<Descriptor> device_;
  std::map<Convolution, Plan> plans_;
};

}  // namespace mcnn::cuda
