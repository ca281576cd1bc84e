// The contract: every operation of the engine, once. Backends carry it out: ref/ in double, to be read; cpu/ for speed.
//
// - Feature maps are (N,H,W,C). Weights are stored with the output channel last: pointwise (I,O), depthwise (k,k,C),
//   dense (k,k,I,O), linear (I,O).
// - feature.h explains Feature, OutputGradient and InputGradient: operands are transformed on read, results stored raw.
// - Statistics, gates, parameters, their gradients and sums are fp32, feature maps of the storage type, accumulation fp32.
//   (ref: whatever type a tensor has, accumulated in double.)
// - Outputs are overwritten, never accumulated into; outputs do not alias inputs. An output passed as an absent Tensor or
//   a null pointer is not wanted.
// - Shapes are checked by checked_ops.h, which wraps every backend; a backend may rely on them.
// - Results are the same to the bit for any number of threads.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/feature.h"
#include "runtime/kernel_time.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace mcnn {

/// Square kernel, one stride for both axes; H' and W' are the output tensor's. Padding is done by index bounds.
struct ConvGeometry {
  int kernel = 1;
  int stride = 1;
  int pad_top = 0;
  int pad_left = 0;
};

/// What changes from step to step; kernels read it from the backend's memory, so that a recorded step can be replayed.
struct StepState {
  uint64_t seed = 0;  ///< of every random number
  uint32_t step = 0;  ///< counts optimizer steps from 0
  float learning_rate = 0.f;
  float loss_scale = 1.f;  ///< > 0; keeps fp16 gradients from vanishing: cross_entropy brings it in, gradient_norm takes it out
};

struct AdamW {
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f, weight_decay = 0.f;
};
struct Sgd {
  float momentum = 0.9f, weight_decay = 0.f;
  bool nesterov = false;
};
/// One parameter tensor of an optimizer's step, all of one shape, fp32.
struct OptimizerSlot {
  Tensor value, gradient;
  Tensor m, v;        ///< first and second moment; SGD's momentum buffer is m
  bool decay = true;  ///< weight decay applies
};

/// A step that a backend keeps. The backend, and the memory that the step works on, outlive it.
class Recording {
 public:
  virtual ~Recording() = default;
  /// As running the step again.
  virtual void replay() = 0;
  /// The kernels of the last replay in their order, once it is done; empty unless time_kernels() was asked before recording.
  virtual std::vector<KernelTime> times() { return {}; }
};

class Ops {
 public:
  virtual ~Ops() = default;
  virtual std::string name() const = 0;  ///< "cpu (AVX3, 2 threads)"
  virtual Memory& memory() = 0;
  /// fp32 but for ref (f64): the type of parameters, statistics, gates, sums and scalars.
  virtual DType parameter_type() const { return DType::f32; }
  /// Whether feature maps may be stored so.
  virtual bool supports(DType storage) const = 0;

  /// Called once before each training step; the values hold until the next call.
  virtual void begin_step(const StepState& state) = 0;
  virtual void copy_from_host(const void* source, Tensor& target) = 0;  ///< target.bytes(), same type
  /// The same beside what was asked for before, which must not touch `target`; what is asked for later sees it.
  virtual void copy_ahead(const void* source, Tensor& target) { copy_from_host(source, target); }
  virtual void copy_to_host(const Tensor& source, void* target) = 0;  ///< waits for the result
  virtual void fill(Tensor& x, float value) = 0;
  /// Returns when all that was asked for is done. Operations may return before they are; their order is kept.
  virtual void wait() {}
  /// Runs `step` and keeps what it asked for, or returns null: it is to be run again then. `step` may be called twice, of which
  /// one counts. It asks for operations alone (begin_step, copies and wait come before or after), over memory that nobody else
  /// holds between steps, in an order and with values that do not change; what does change is in StepState and in tensors.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& step) {
    step();
    return nullptr;
  }
  /// Whether record() keeps anything.
  virtual bool records() const { return false; }
  /// Steps recorded from now on take the time of each kernel, or no longer. false: they do not.
  virtual bool time_kernels(bool /*wanted*/) { return false; }
  /// What is asked for next is the caller's `operation`, for KernelTime.
  virtual void mark(int operation) { static_cast<void>(operation); }

  // ---- Convolutions ------------------------------------------------------------------------------------------------
  // Backward is one entry for both gradients, so that a backend may visit the data once. dw is always wanted unless
  // absent (a frozen parameter); dx may be null (the image).

  /// 1x1 convolution: a matrix product over rows r = (n,h,w).   y[r,o] = sum_i z(x)[r,i] * w[i,o]
  /// x (N,H,W,I), w (I,O), y (N,H,W,O) raw; moments (O) of y, or not wanted (evaluation).
  virtual void pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) = 0;
  ///   dw[i,o] = sum_r z(x)[r,i] * dy[r,o]          dL/dz(x)[r,i] = sum_o dy[r,o] * w[i,o]
  virtual void pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) = 0;

  /// Depthwise convolution: each channel is filtered by its own k x k kernel; k is 3 or 5, stride 1 or 2.
  ///   y[n,i,j,c] = sum_{p,q} w[p,q,c] * z(x)[n, i*s+p-pad_top, j*s+q-pad_left, c]             (z = 0 outside)
  /// x (N,H,W,C), w (k,k,C), y (N,H',W',C) raw; moments (C). Source: Sandler et al. 2018, section 3.1.
  virtual void depthwise_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) = 0;
  ///   dw[p,q,c] = sum_{n,i,j} dy[n,i,j,c] * z(x)[n, i*s+p-pad_top, j*s+q-pad_left, c]
  ///   dL/dz(x)[n,h,w,c] = sum of dy[n,i,j,c]*w[p,q,c] over all (i,j,p,q) with i*s+p-pad_top = h, j*s+q-pad_left = w
  virtual void depthwise_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                                  InputGradient* dx) = 0;

  /// Dense convolution (the stem).   y[n,i,j,o] = sum_{p,q,ci} w[p,q,ci,o] * z(x)[n, i*s+p-pad_top, j*s+q-pad_left, ci]
  /// x (N,H,W,I), w (k,k,I,O), y (N,H',W',O) raw; moments (O).
  virtual void dense_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) = 0;
  /// The gradients as for depthwise, summed over o for dx. x has neither gate nor, in an EfficientNet, a gradient.
  virtual void dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                              InputGradient* dx) = 0;

  // ---- Batch norm --------------------------------------------------------------------------------------------------

  /// From moments over `count` values per channel (biased var = m2/count) to what readers need; updates the running
  /// statistics unless they are absent: running = (1-momentum)*running + momentum*new, new variance m2/(count-1).
  /// All (C) fp32. count >= 2. Source: Ioffe & Szegedy 2015; conventions PyTorch's.
  virtual void batch_norm_forward(const Moments& moments, int64_t count, const Tensor& gamma, const Tensor& beta, float eps, float momentum,
                                  Tensor& running_mean, Tensor& running_var, Norm& norm) = 0;
  /// The same from the running statistics: evaluation, and frozen batch norm in training.
  virtual void batch_norm_frozen(const Tensor& running_mean, const Tensor& running_var, const Tensor& gamma, const Tensor& beta, float eps,
                                 Norm& norm) = 0;
  /// For a batch norm with a linear reader (a block's project, behind its skip): du = stored*sample_scale.
  ///   sum_du[c] = sum_{n,h,w} du          sum_du_xhat[c] = sum_{n,h,w} du * xhat(x)
  /// x, stored (N,H,W,C); sample_scale (N) or absent; sums (C).
  virtual void batch_norm_sums(const Feature& x, const Tensor& stored, const Tensor& sample_scale, Tensor& sum_du, Tensor& sum_du_xhat) = 0;
  /// For a batch norm read through a gate or a pooling, from the (N,C) sums of InputGradient and of pool_forward:
  ///   sum_du[c]      = sum_n gate[n,c]*sum_dz_slope[n,c]      + pooled[n,c]*slope[n,c]
  ///   sum_du_xhat[c] = sum_n gate[n,c]*sum_dz_slope_xhat[n,c] + pooled[n,c]*slope_xhat[n,c]
  /// gate and the dz sums are absent together (global pooling): their term is 0.
  virtual void batch_norm_sums_gated(const Tensor& gate, const Tensor& sum_dz_slope, const Tensor& sum_dz_slope_xhat, const Tensor& pooled,
                                     const Tensor& slope, const Tensor& slope_xhat, Tensor& sum_du, Tensor& sum_du_xhat) = 0;

  // ---- Squeeze-excite and the head ---------------------------------------------------------------------------------

  /// Spatial mean of a = act(u) (x's gate is not applied), and on the same visit what the backward of the pooling needs:
  ///   mean[n,c] = 1/(H*W) sum_{h,w} a     slope[n,c] = sum_{h,w} act'(u)     slope_xhat[n,c] = sum_{h,w} act'(u)*xhat
  /// All (N,C) fp32; slope and slope_xhat absent in evaluation.
  virtual void pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) = 0;
  /// gate = sigmoid(swish(s*w1 + b1)*w2 + b2);  hidden = s*w1 + b1 is kept for backward.
  /// s (N,C) the pooled mean, w1 (C,R), b1 (R), w2 (R,C), b2 (C), hidden (N,R), gate (N,C).
  /// Source: Hu et al. 2018, section 3, with EfficientNet's swish in place of ReLU.
  virtual void squeeze_excite_forward(const Tensor& s, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2,
                                      Tensor& hidden, Tensor& gate) = 0;
  /// With dg = sum_dz_a (N,C), the gradient of the gate:  dt = dg*gate*(1-gate);  dw2 = swish(hidden)^T dt;  db2 = sum_n dt;
  ///   dh = (dt w2^T)*swish'(hidden);  dw1 = s^T dh;  db1 = sum_n dh;  pooled = (dh w1^T)/pixels          (pixels = H*W)
  virtual void squeeze_excite_backward(const Tensor& s, const Tensor& w1, const Tensor& w2, const Tensor& hidden, const Tensor& gate,
                                       const Tensor& sum_dz_a, int64_t pixels, Tensor& dw1, Tensor& db1, Tensor& dw2, Tensor& db2,
                                       Tensor& pooled) = 0;

  /// y = z(x) + sample_scale[n] * z(branch): the end of a block with a skip. All (N,H,W,C); sample_scale (N) or absent.
  virtual void residual_forward(const Feature& x, const Feature& branch, const Tensor& sample_scale, Tensor& y) = 0;
  /// scale[n] = 1/(1-drop) with probability 1-drop, else 0: survives if uniform(n) >= drop, Philox stream `stream` at the
  /// current step. scale (N). Source: Huang et al. 2016 (stochastic depth), scaled as in EfficientNet.
  virtual void drop_path_scale(uint32_t stream, float drop, Tensor& scale) = 0;
  /// y = x/(1-drop) where uniform(index) >= drop, else 0; any shape, fp32. Its own backward: the same call on the gradient.
  virtual void dropout(const Tensor& x, uint32_t stream, float drop, Tensor& y) = 0;

  /// y = x w + b.  x (N,I), w (I,O), b (O), y (N,O).
  virtual void linear_forward(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y) = 0;
  ///   dw = x^T dy,  db = sum_n dy,  dx = input_scale * dy w^T       (input_scale: 1/(H*W) where x is a spatial mean)
  virtual void linear_backward(const Tensor& x, const Tensor& w, const Tensor& dy, float input_scale, Tensor& dw, Tensor& db,
                               Tensor& dx) = 0;

  /// Mean over the batch of cross-entropy with soft targets, smoothed: t' = (1-smoothing)*t + smoothing/K.
  ///   loss = -1/N sum_n sum_k t'[n,k] log softmax(logits[n])[k]       dlogits = (softmax(logits)*sum_k t' - t')/N
  /// dlogits is multiplied by the current step's loss_scale, and with it all gradients up to gradient_norm; loss is not.
  /// logits, targets, dlogits (N,K), any K >= 1; loss (1). dlogits absent in evaluation.
  virtual void cross_entropy(const Tensor& logits, const Tensor& targets, float smoothing, Tensor& loss, Tensor& dlogits) = 0;

  // ---- Input -------------------------------------------------------------------------------------------------------

  /// y[n,h,w,c] = (pixels[n,h,w',c]/255 - mean[c]) / std[c], w' = W-1-w where flip[n] != 0.
  /// pixels (N,H,W,3) u8, flip (N) u8 or absent, y (N,H,W,3) storage type.
  virtual void normalize_images(const Tensor& pixels, const Tensor& flip, const float (&mean)[3], const float (&std)[3], Tensor& y) = 0;

  // ---- Optimizers: every parameter of the network in one call ------------------------------------------------------

  /// norm = 2-norm of all gradients together, / loss_scale; clip = min(1, max_norm/(norm + 1e-6)) / loss_scale, without the
  /// min if max_norm is 0. Where norm is not finite clip is 0, and an optimizer given 0 changes nothing. Both (1).
  virtual void gradient_norm(std::span<const Tensor> gradients, float max_norm, Tensor& norm, Tensor& clip) = 0;
  /// With g = clip*gradient, lr and t = step+1 of the current step (Loshchilov & Hutter 2019, algorithm 2, PyTorch's form):
  ///   w *= 1 - lr*weight_decay;   m = beta1*m + (1-beta1)*g;   v = beta2*v + (1-beta2)*g^2
  ///   w -= lr * (m/(1-beta1^t)) / (sqrt(v/(1-beta2^t)) + eps)
  virtual void adamw(const AdamW& options, const Tensor& clip, std::span<OptimizerSlot> slots) = 0;
  /// With g = clip*gradient + weight_decay*w:  m = momentum*m + g;  w -= lr*(nesterov ? g + momentum*m : m). (PyTorch's form;
  /// at step 0 m = g.)
  virtual void sgd(const Sgd& options, const Tensor& clip, std::span<OptimizerSlot> slots) = 0;
  /// average = decay*average + (1-decay)*value, pair by pair; nothing where clip, (1) or absent, is 0.
  virtual void ema(float decay, const Tensor& clip, std::span<const Tensor> values, std::span<Tensor> averages) = 0;
};

/// Every operation in double on the host. The referee, not a competitor.
std::unique_ptr<Ops> make_ref_ops();
/// The default. `threads` 0: one per core.
std::unique_ptr<Ops> make_cpu_ops(int threads = 0);
/// Carries nothing out: run a step with it over imaginary_memory() to know what memory and work the step would take.
std::unique_ptr<Ops> make_dry_ops();

}  // namespace mcnn
