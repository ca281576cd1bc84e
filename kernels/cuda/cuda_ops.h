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
#include "kernels/cuda/multi_tensor.h"
#include "kernels/cuda/product_rung.h"
#include "kernels/cuda/range.h"
#include "kernels/cuda/stored_weights.h"
#include "kernels/cuda/uploads.h"
#include "kernels/cuda/vendor/products.h"
#include "kernels/cuda/vendor/vendor.h"
#include "kernels/ops.h"

namespace mcnn::cuda {

struct BatchNormFold;
struct MomentTargets;

/// What the kernels that the current GPU would run were compiled for: 75, 80, ...; less than the GPU's own where the driver
/// compiles them from older PTX. 0: this build has none for it.
int compiled_capability();

class CudaOps final : public Ops {
 public:
  /// Products by `libraries` where there are some; of fp32 as tf32 where allowed and there are units.
  explicit CudaOps(FoundVendor libraries = {}, bool allow_tf32 = false);
  ~CudaOps() override;
  std::string name() const override;
  Memory& memory() override { return memory_; }
  bool supports(DType storage) const override;

  void begin_step(const StepState& state) override;
  void copy_from_host(const void* source, Tensor& target) override;
  void copy_ahead(const void* source, Tensor& target) override;
  void copy_to_host(const Tensor& source, void* target) override;
  void fill(Tensor& x, float value) override;
  void wait() override;
  std::unique_ptr<Recording> record(const std::function<void()>& step) override;
  bool records() const override;
  bool time_kernels(bool wanted) override;
  void mark(int operation) override;
  void pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) override;
  void pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) override;
  void depthwise_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override;
  void depthwise_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                          InputGradient* dx) override;
  void dense_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override;
  void dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                      InputGradient* dx) override;
  void batch_norm_forward(const Moments& moments, int64_t count, const Tensor& gamma, const Tensor& beta, float eps, float momentum,
                          Tensor& running_mean, Tensor& running_var, Norm& norm) override;
  void batch_norm_frozen(const Tensor& running_mean, const Tensor& running_var, const Tensor& gamma, const Tensor& beta, float eps,
                         Norm& norm) override;
  void batch_norm_sums(const Feature& x, const Tensor& stored, const Tensor& sample_scale, Tensor& sum_du, Tensor& sum_du_xhat) override;
  void batch_norm_sums_gated(const Tensor& gate, const Tensor& sum_dz_slope, const Tensor& sum_dz_slope_xhat, const Tensor& pooled,
                             const Tensor& slope, const Tensor& slope_xhat, Tensor& sum_du, Tensor& sum_du_xhat) override;
  void pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) override;
  void squeeze_excite_forward(const Tensor& s, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2, Tensor& hidden,
                              Tensor& gate) override;
  void squeeze_excite_backward(const Tensor& s, const Tensor& w1, const Tensor& w2, const Tensor& hidden, const Tensor& gate,
                               const Tensor& sum_dz_a, int64_t pixels, Tensor& dw1, Tensor& db1, Tensor& dw2, Tensor& db2,
                               Tensor& pooled) override;
  void residual_forward(const Feature& x, const Feature& branch, const Tensor& sample_scale, Tensor& y) override;
  void drop_path_scale(uint32_t stream, float drop, Tensor& scale) override;
  void dropout(const Tensor& x, uint32_t stream, float drop, Tensor& y) override;
  void linear_forward(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y) override;
  void linear_backward(const Tensor& x, const Tensor& w, const Tensor& dy, float input_scale, Tensor& dw, Tensor& db, Tensor& dx) override;
  void cross_entropy(const Tensor& logits, const Tensor& targets, float smoothing, Tensor& loss, Tensor& dlogits) override;
  void normalize_images(const Tensor& pixels, const Tensor& flip, const float (&mean)[3], const float (&std)[3], Tensor& y) override;
  void gradient_norm(std::span<const Tensor> gradients, float max_norm, Tensor& norm, Tensor& clip) override;
  void adamw(const AdamW& options, const Tensor& clip, std::span<OptimizerSlot> slots) override;
  void sgd(const Sgd& options, const Tensor& clip, std::span<OptimizerSlot> slots) override;
  void ema(float decay, const Tensor& clip, std::span<const Tensor> values, std::span<Tensor> averages) override;

  /// From now on the matrix products take this rung of their ladder where the channels allow it; nothing: the rule's choice.
  void prefer_product_rung(std::optional<ProductRung> rung) { preferred_rung_ = rung; }

 private:
  /// What all launches and copies go to. What waits goes first.
  cudaStream_t stream() {
    launch_waiting();
    return stream_;
  }

  /// A convolution's forward launch. One that leaves moments waits for what is asked next: if that is the batch norm of these
  /// moments, the block that merges them finishes it too; anything else comes behind the convolution as it is.
  using ConvolutionLaunch = std::function<void(const MomentTargets&)>;
  void before_norm(Moments* moments, ConvolutionLaunch launch);
  /// Launches the convolution that waits for the batch norm of `moments`; false if there is none.
  bool launch_waiting_with(const Moments& moments, const BatchNormFold& fold);
  void launch_waiting();

  /// Device memory for the partial results of one operation: valid until the next operation asks.
  template <class T>
  T* scratch(std::size_t count) {
    launch_waiting();
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

  /// w as products of T read it.
  template <class T>
  const T* stored_weights(const Tensor& w) {
    if constexpr (std::is_same_v<T, float>)
      return w.data<float>();
    else
      return static_cast<const T*>(weights_.of(w, dtype_of<T>, stream()));
  }

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
  const void* vendor_weights(const Tensor& w, DType type);
  void vendor_pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments);
  void vendor_pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx);
  bool vendor_dense_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments);
  bool vendor_dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                             InputGradient* dx);

  cudaStream_t stream_ = nullptr;
  Uploads uploads_;
  DeviceMemory memory_;
  StoredWeights weights_;
  struct {
    ConvolutionLaunch launch;
    Moments moments;
    int operation;  // the mark it was asked for under
  } waiting_;
  DeviceBuffer scratch_, tickets_;
  int capability_;  // of the kernels: 75, 80, ...
  std::optional<ProductRung> preferred_rung_;
  bool time_kernels_ = false;
  bool tf32_;                  // tensor cores may take fp32 for tf32
  std::string products_line_;  // who carries them out; empty: own
  std::unique_ptr<Vendor> vendor_;
  StepState* state_ = nullptr;                                   // in device memory: kernels read seed, step and learning rate from here
  ChunkTable gradient_chunks_, update_chunks_, average_chunks_;  // of gradient_norm, of the optimizer, of ema
};

/// As programs ask for it (kernels/backend.h): libraries are looked for where `products` wants some.
std::unique_ptr<Ops> make_cuda_ops(const std::string& products, bool allow_tf32);

}  // namespace mcnn::cuda
