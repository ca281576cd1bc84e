// The CPU backend: one class, each operation in the file of its own name (pointwise.cpp, depthwise.cpp, ...).
// Vector code is compiled once per instruction set and chosen at run time (Highway).
#pragma once
#include "kernels/cpu/scratch.h"
#include "kernels/ops.h"

namespace mcnn::cpu {

class CpuOps final : public Ops {
 public:
  explicit CpuOps(int threads);
  std::string name() const override;
  Memory& memory() override { return host_memory(); }
  bool supports(DType storage) const override { return storage == DType::f32; }

  void begin_step(const StepState& state) override;
  void copy_from_host(const void* source, Tensor& target) override;
  void copy_to_host(const Tensor& source, void* target) override;
  void fill(Tensor& x, float value) override;
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

 private:
  int threads_;
  StepState state_;
  Scratch scratch_;  // of a call, for all its threads
};

}  // namespace mcnn::cpu
