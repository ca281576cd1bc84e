// The CUDA backend: one class; each operation is in the .cu file of its name. All work is queued in order in one stream, except
// uploads (uploads.h).
// The same sources make two plugins: nvcc builds libmcnn_cuda for GPUs, g++ over emulator/ builds libmcnn_sim, which runs the kernels
// on the host, with one fiber per thread.
// Next: cuda_ops.cu; recording.cpp; pointwise_forward.cu is a first operation to read.
#pragma once
#include <cuda_runtime.h>

#include <array>
#include <functional>
#include <type_traits>
#include <utility>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/product_rung.h"
#include "kernels/cuda/range.h"
#include "kernels/cuda/uploads.h"
#include "kernels/cuda/vendor/products.h"
#include "kernels/cuda/vendor/vendor.h"
#include "kernels/execute.h"
#include "kernels/ops.h"

namespace mcnn::cuda {

/// The compute capability that the kernels for the current GPU were compiled for: 75, 80, ...; less than the GPU's if the driver
/// compiles them from older PTX. 0: this build has no kernels for this GPU.
int compiled_capability();

class CudaOps : public Ops {
 public:
  /// Matrix products run on `libraries` if they were found. fp32 is multiplied as tf32 if allowed and the GPU has tensor cores for it.
  explicit CudaOps(FoundVendor libraries = {}, bool allow_tf32 = false);
  ~CudaOps() override;
  std::string name() const override;
  Memory& memory() override { return memory_; }
  bool supports(DType storage) const override;
  using Ops::run;
  void run(const OperationRef& operation) override { mcnn::execute(*this, operation); }

  void begin_step(const StepState& state) override;
  void copy_from_host(const void* source, Tensor& target) override;
  void copy_ahead(const void* source, Tensor& target) override;
  void copy_to_host(const Tensor& source, void* target) override;
  void wait() override;
  std::unique_ptr<Recording> record(const std::function<void()>& step) override;
  bool records() const override;
  bool time_kernels(bool on) override;
  void mark(int operation) override;

  // clang-format off
  MCNN_OPERATIONS(MCNN_DECLARE_EXECUTE)
  // clang-format on

  /// Matrix products use this rung of their ladder from now on, if the channels allow it; nullopt: product_rung.h chooses.
  void prefer_product_rung(std::optional<ProductRung> rung) { preferred_rung_ = rung; }

 private:
  /// The stream of all launches and copies.
  cudaStream_t stream() const { return stream_; }

  /// Device memory for the partial results of one operation. Valid until the next call.
  template <class T>
  T* scratch(std::size_t count) {
    return static_cast<T*>(scratch_.at_least(count * sizeof(T)));
  }
  /// Scratch memory in several pieces of `counts` floats, each aligned to 256 bytes.
  template <class... Counts>
  std::array<float*, sizeof...(Counts)> scratch_pieces(Counts... counts) {
    constexpr std::size_t kAligned = 64;
    std::size_t total = 0;
    const auto append = [&](int64_t count) {
      return std::exchange(total, (total + static_cast<std::size_t>(count) + kAligned - 1) / kAligned * kAligned);
    };
    const std::array<std::size_t, sizeof...(Counts)> begins{append(counts)...};
    float* const memory = scratch<float>(total);
    std::array<float*, sizeof...(Counts)> pieces;
    for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i] = memory + begins[i];
    return pieces;
  }
  /// Counters of arrivals for last_block.cuh: all 0, and 0 again after every launch. Valid until the next call.
  unsigned* arrivals(int64_t count);

  /// The rung of a product from `in` to `out` channels.
  ProductRung product_rung(DType storage, int64_t in, int64_t out) const {
    const auto vector = static_cast<int64_t>(16 / size_of(storage));
    return rung_for(storage, in % vector == 0 && out % vector == 0, capability_, preferred_rung_);
  }

  /// Whether a library runs products of this type.
  bool by_vendor(DType storage) const { return vendor_ && vendor_->multiplies(storage); }
  /// Whether products of this type may be multiplied as tf32.
  bool as_tf32(DType storage) const { return tf32_ && storage == DType::f32; }
  // vendor/pointwise.cu, vendor/convolution.cu: the same operations by a library. They return false if it has no kernel for this shape.
  void execute_by_vendor(PointwiseForward& op);
  void execute_by_vendor(PointwiseBackward& op);
  bool execute_by_vendor(DenseForward& op);
  bool execute_by_vendor(DenseBackward& op);

  cudaStream_t stream_ = nullptr;
  Uploads uploads_;
  DeviceMemory memory_;
  DeviceBuffer scratch_, arrivals_;
  int capability_;  // of the kernels: 75, 80, ...
  std::optional<ProductRung> preferred_rung_;
  bool time_kernels_ = false;
  bool tf32_;                  // tensor cores may multiply fp32 as tf32
  std::string products_line_;  // FoundVendor::line; empty: own kernels
  std::unique_ptr<Vendor> vendor_;
  StepState* state_ = nullptr;  // in device memory: kernels read seed, step and learning rate from here
};

/// Makes the backend from ProductOptions (kernels/backend.h): searches for libraries unless `products` is "own".
std::unique_ptr<Ops> make_cuda_ops(const std::string& products, bool allow_tf32);

}  // namespace mcnn::cuda
