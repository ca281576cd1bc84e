// The CUDA backend: one class, each operation in the .cu file of its own name. Everything runs in order on one
// stream of its own, but for uploads (uploads.h).
// The same sources make two plugins: nvcc builds libmcnn_cuda for GPUs, g++ over emulator/ builds libmcnn_sim, which runs
// the kernels on the host, one fiber a thread.
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

/// What the kernels that the current GPU would run were compiled for: 75, 80, ...; less than the GPU's own where the driver
/// compiles them from older PTX. 0: this build has none for it.
int compiled_capability();

class CudaOps : public Ops {
 public:
  /// Products by `libraries` where there are some; of fp32 as tf32 where allowed and there are units.
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
  bool time_kernels(bool wanted) override;
  void mark(int operation) override;

  // clang-format off
  MCNN_OPERATIONS(MCNN_DECLARE_EXECUTE)
  // clang-format on

  /// From now on the matrix products take this rung of their ladder where the channels allow it; nothing: the rule's choice.
  void prefer_product_rung(std::optional<ProductRung> rung) { preferred_rung_ = rung; }

 private:
  /// What all launches and copies go to.
  cudaStream_t stream() const { return stream_; }

  /// Device memory for the partial results of one operation: valid until the next operation asks.
  template <class T>
  T* scratch(std::size_t count) {
    return static_cast<T*>(scratch_.at_least(count * sizeof(T)));
  }
  /// Several pieces of it, of so many floats, each aligned to 256 bytes.
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
  /// Counters for last_block.cuh, all 0, and left so by every launch: valid until the next call.
  unsigned* tickets(int64_t count);

  /// For a product of maps with so many channels.
  ProductRung product_rung(DType storage, int64_t in, int64_t out) const {
    const auto vector = static_cast<int64_t>(16 / size_of(storage));
    return rung_for(storage, in % vector == 0 && out % vector == 0, capability_, preferred_rung_);
  }

  /// Whether a library takes products of this type.
  bool by_vendor(DType storage) const { return vendor_ && vendor_->multiplies(storage); }
  /// Whether what a library takes may be multiplied as tf32.
  bool as_tf32(DType storage) const { return tf32_ && storage == DType::f32; }
  // vendor/pointwise.cu, vendor/convolution.cu: the operations of these names, by a library. false: it has no kernel for this one.
  void execute_by_vendor(PointwiseForward& op);
  void execute_by_vendor(PointwiseBackward& op);
  bool execute_by_vendor(DenseForward& op);
  bool execute_by_vendor(DenseBackward& op);

  cudaStream_t stream_ = nullptr;
  Uploads uploads_;
  DeviceMemory memory_;
  DeviceBuffer scratch_, tickets_;
  int capability_;  // of the kernels: 75, 80, ...
  std::optional<ProductRung> preferred_rung_;
  bool time_kernels_ = false;
  bool tf32_;                  // tensor cores may take fp32 for tf32
  std::string products_line_;  // who carries them out; empty: own
  std::unique_ptr<Vendor> vendor_;
  StepState* state_ = nullptr;  // in device memory: kernels read seed, step and learning rate from here
};

/// As programs ask for it (kernels/backend.h): libraries are looked for where `products` wants some.
std::unique_ptr<Ops> make_cuda_ops(const std::string& products, bool allow_tf32);

}  // namespace mcnn::cuda
