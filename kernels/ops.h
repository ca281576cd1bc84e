// The contract between the engine and a backend. Operations are structs (operations.h); a backend carries each out. Backends: ref/
// in double, to be read; cpu/ for speed; cuda/ for GPUs.
//
// - Feature maps are (N,H,W,C). Weights are stored with the output channel last: pointwise (I,O), depthwise (k,k,C),
//   dense (k,k,I,O), linear (I,O).
// - feature.h explains Feature, OutputGradient and InputGradient: operands are transformed on read, results stored raw.
// - Statistics, gates, parameters, their gradients and sums are fp32, feature maps of the storage type, accumulation fp32.
//   (ref: whatever type a tensor has, accumulated in double.)
// - Outputs are overwritten, never accumulated into; outputs do not alias inputs. An output that is an absent tensor is not requested.
// - Operands are checked by checked_ops.h, which wraps every backend; a backend may rely on them.
// - Results are the same to the bit for any number of threads.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/operations.h"
#include "runtime/kernel_time.h"
#include "runtime/memory.h"

namespace mcnn {

/// What changes from step to step; kernels read it from the backend's memory, so that a recorded step can be replayed.
struct StepState {
  uint64_t seed = 0;  ///< of every random number
  uint32_t step = 0;  ///< counts optimizer steps from 0
  float learning_rate = 0.f;
  float loss_scale = 1.f;  ///< > 0; keeps fp16 gradients from vanishing: CrossEntropy multiplies by it, GradientNorm divides by it
};

/// A step that a backend keeps. The backend, and the memory that the step works on, outlive it.
class Recording {
 public:
  virtual ~Recording() = default;
  /// Has the effect of running the step again.
  virtual void replay() = 0;
  /// The kernels of the last replay in their order, once it is done; empty unless time_kernels() was called before recording.
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

  /// Queues one operation; it may return before the operation is done. Operations keep their order.
  /// Throws Error if this backend has none of that name.
  virtual void run(const OperationRef& operation) = 0;
  template <class Operation>
  requires requires { std::remove_cvref_t<Operation>::kName; }
  void run(Operation&& operation) { run(OperationRef::of(operation)); }

  /// Called once before each training step; the values hold until the next call.
  virtual void begin_step(const StepState& state) = 0;
  virtual void copy_from_host(const void* source, Tensor& target) = 0;  ///< target.bytes(), same type
  /// The same beside what was queued before, which must not touch `target`; what is queued later sees it.
  virtual void copy_ahead(const void* source, Tensor& target) { copy_from_host(source, target); }
  virtual void copy_to_host(const Tensor& source, void* target) = 0;  ///< waits for the result
  /// Blocks until all queued operations are done.
  virtual void wait() {}
  /// Runs `step` and keeps what it queued, or returns null: then the step is to be run again instead. `step` may be called twice, of
  /// which one counts. It runs operations alone (begin_step, copies and wait come before or after), over memory that nobody else
  /// uses between steps, in an order and with values that do not change; what does change is in StepState and in tensors.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& step) {
    step();
    return nullptr;
  }
  /// Whether record() keeps anything.
  virtual bool records() const { return false; }
  /// Whether steps recorded from now on take the time of each kernel. Returns false where the backend cannot.
  virtual bool time_kernels(bool /*on*/) { return false; }
  /// Kernels queued from now on belong to the caller's `operation`, for KernelTime.
  virtual void mark(int operation) { static_cast<void>(operation); }
};

/// Every operation in double on the host. The reference, not a competitor.
std::unique_ptr<Ops> make_ref_ops();
/// The default. `threads` 0: one per core.
std::unique_ptr<Ops> make_cpu_ops(int threads = 0);
/// Computes nothing, over imaginary_memory(): for what a program needs, not what it gives.
std::unique_ptr<Ops> make_dry_ops();

}  // namespace mcnn
