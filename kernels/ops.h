// The contract between the engine and a backend. Operations are structs (operations.h); a backend runs each of them. Backends: ref/
// in double, for reading and comparing; cpu/; cuda/ for GPUs.
// Next: feature.h, then program.h, which holds the operations of a whole step; backend.h chooses a backend by name.
//
// - Feature maps are (N,H,W,C). Weights are stored with the output channel last: pointwise (I,O), depthwise (k,k,C),
//   dense (k,k,I,O), linear (I,O).
// - feature.h explains Feature, OutputGradient and InputGradient: operands are transformed on read, results stored raw.
// - Statistics, gates, parameters, their gradients and sums are fp32. Feature maps have the storage type. Accumulation is fp32.
//   (ref accepts tensors of any type and accumulates in double.)
// - Outputs are overwritten, never accumulated into; they do not alias inputs. An absent output tensor is not requested.
// - checked_ops.h wraps every backend and checks all operands; a backend need not check them again.
// - Results are bit-identical for any number of threads.
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

/// The values that change from step to step. Kernels read them from the backend's memory, so that a replayed step uses the current ones.
struct StepState {
  uint64_t seed = 0;  ///< for every random number
  uint32_t step = 0;  ///< counts optimizer steps from 0
  float learning_rate = 0.f;
  float loss_scale = 1.f;  ///< > 0; keeps fp16 gradients from vanishing: CrossEntropy multiplies by it, GradientNorm divides by it
};

/// A step recorded by a backend. The backend and the step's memory must outlive it.
class Recording {
 public:
  virtual ~Recording() = default;
  /// Queues the whole step again.
  virtual void replay() = 0;
  /// Waits for the last replay and returns its kernels in order; empty unless time_kernels(true) was called before recording.
  virtual std::vector<KernelTime> times() { return {}; }
};

class Ops {
 public:
  virtual ~Ops() = default;
  virtual std::string name() const = 0;  ///< "cpu (AVX3, 2 threads)"
  virtual Memory& memory() = 0;
  /// The type of parameters, statistics, gates, sums and scalars: f64 in ref, fp32 in all others.
  virtual DType parameter_type() const { return DType::f32; }
  /// Whether feature maps may be stored in this type.
  virtual bool supports(DType storage) const = 0;

  /// Bytes of weights (in,out) of that type as PackWeights writes them; 0: this backend's products read weights as they are.
  virtual int64_t packed_weight_bytes(int64_t /*in*/, int64_t /*out*/, DType /*type*/) const { return 0; }

  /// Queues one operation and may return before it is done. Operations run in the order in which they are queued.
  /// Throws Error if this backend has no operation of that name.
  virtual void run(const OperationRef& operation) = 0;
  template <class Operation>
  requires requires { std::remove_cvref_t<Operation>::kName; }
  void run(Operation&& operation) { run(OperationRef::of(operation)); }

  /// Called once before each training step; the values hold until the next call.
  virtual void begin_step(const StepState& state) = 0;
  /// Copies target.bytes() bytes of the target's type.
  virtual void copy_from_host(const void* source, Tensor& target) = 0;
  /// The same copy, which may run at the same time as operations queued before; these must not use `target`. Operations queued later
  /// see the copied values.
  virtual void copy_ahead(const void* source, Tensor& target) { copy_from_host(source, target); }
  /// Waits for all queued operations, then copies.
  virtual void copy_to_host(const Tensor& source, void* target) = 0;
  /// Blocks until all queued operations are done.
  virtual void wait() {}
  /// Runs `step` and returns a recording of the operations it queued, or null if the backend keeps none: then the caller runs the step
  /// again instead of a replay. `step` may be called twice but takes effect once. It only runs operations (begin_step, copies and wait
  /// are called before or after it), in a fixed order, with fixed arguments, and over memory that nothing else uses between steps.
  /// Values that change are in StepState and in tensors.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& step) {
    step();
    return nullptr;
  }
  /// Whether record() returns recordings.
  virtual bool records() const { return false; }
  /// Switches the timing of kernels on or off for steps recorded from now on. Returns whether kernels are timed.
  virtual bool time_kernels(bool /*on*/) { return false; }
  /// Sets KernelTime::operation of kernels queued from now on.
  virtual void mark(int operation) { static_cast<void>(operation); }
};

/// The reference: every operation in double on the host, slow.
std::unique_ptr<Ops> make_ref_ops();
/// The CPU, the default. `threads` 0: one per core. Maps stored as bf16 are multiplied as bf16 where the processor has dot products of bf16
/// and `bf16_dots` permits them, else as fp32.
std::unique_ptr<Ops> make_cpu_ops(int threads = 0, bool bf16_dots = true);
/// Computes nothing; its memory is imaginary_memory(). For measuring how much memory a program needs.
std::unique_ptr<Ops> make_dry_ops();

}  // namespace mcnn
