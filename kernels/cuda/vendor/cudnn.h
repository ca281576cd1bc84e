// cuDNN 9 by its graph API, for dense convolutions: plans, and running them. Plans can be built for a GPU that is not there.
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

  /// A plan's workspace at most: what wants more is passed over.
  static constexpr int64_t kMostWorkspace = int64_t{256} << 20;

  /// For the current GPU; or, given `device` (properties as cuDNN's JSON), for plans alone. Throws Error: it is not there, is of
  /// another version, or finds no GPU.
  explicit Cudnn(const char* device = nullptr);
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  std::string name() const;  ///< "cuDNN 9.19"

  class Descriptor;
  /// How a convolution would be run: deterministic, accumulated in fp32, fp32 multiplied as fp32 or, where that will do, as tf32.
  struct Plan {
    std::shared_ptr<Descriptor> execution;  ///< null: there is none
    std::string refusal;                    ///< why, then
    std::size_t workspace = 0;
    int64_t engine = 0;               ///< cuDNN's number of what was chosen
    int candidates = 0, skipped = 0;  ///< proposed up to it; of them, ruled out by numerical notes or workspace
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
