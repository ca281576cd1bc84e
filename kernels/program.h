// A step as a list of calls that can be inspected before it runs: a forward pass, a backward pass, an optimizer's update.
// Layers add operations over tensors that have no memory yet. plan() computes each tensor's lifetime, from the first call that writes
// it to the last that reads it; tensors with separate lifetimes share memory. place() provides the memory.
// Next: layers/context.h is the layers' interface to it; train/training_step.h runs one.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "runtime/workspace.h"

namespace mcnn {

class Profiler;

class Program {
 public:
  Program() = default;
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // ---- Building ------------------------------------------------------------------------------------------------------------

  /// Adds an uninitialised tensor. Before place() its address has no memory.
  Tensor tensor(Shape shape, DType type);
  /// Calls added from now on belong to this layer, for the profiler and the listing.
  void set_layer(std::string name) { layer_ = std::move(name); }
  const std::string& layer() const { return layer_; }
  /// Appends a call.
  void add(AnyOperation operation) { add_to(calls_, std::move(operation)); }
  /// Appends a call that depends on parameters only. prepare() runs it, run() does not: it is repeated only when parameters change.
  void add_preparation(AnyOperation operation) { add_to(preparations_, std::move(operation)); }
  /// The caller writes this tensor before each run.
  void input(const Tensor& x);
  /// The caller reads this tensor after a run: later calls do not reuse its memory.
  void keep(const Tensor& x);

  // ---- Planning and inspection ---------------------------------------------------------------------------------------------

  struct Call {
    AnyOperation operation;
    std::string layer;
    std::vector<std::size_t> first, last;  // tensors of the program with their first or last use in this call; set by plan()
  };
  const std::vector<Call>& preparations() const { return preparations_; }
  const std::vector<Call>& calls() const { return calls_; }
  /// Computes each tensor's lifetime and offset. Call it once, after the last add(). Throws Error naming the call that reads a tensor
  /// which is neither an input nor written by an earlier call.
  void plan();
  /// Memory of all tensors of the program, after plan().
  std::size_t bytes() const { return bytes_ + prepared_bytes_; }
  /// One line for each call: layer, operation, the bytes of all its operands, and the shapes of the tensors it writes.
  std::string listing() const;

  // ---- Running -------------------------------------------------------------------------------------------------------------

  /// Gives the tensors memory. Call it once, after plan(). The workspace must outlive the program. Programs placed in one workspace share
  /// its memory: do not run one while another's kept tensors are still needed. Results of preparations are outside the workspace, in
  /// memory that only this program uses.
  void place(Workspace& workspace);
  /// A tensor of the program at its address after place().
  Tensor placed(const Tensor& x) const;
  /// plan(), place(), prepare() and run(), for a program that runs once.
  void run_once(Ops& ops, Workspace& workspace);
  void prepare(Ops& ops, Profiler* profiler = nullptr) const { run(preparations_, ops, profiler); }
  void run(Ops& ops, Profiler* profiler = nullptr) const { run(calls_, ops, profiler); }

 private:
  struct PlannedTensor {
    std::size_t begin;  // its address before place(), counted from the program's first address
    std::size_t bytes;
    bool input = false, kept = false;
    bool prepared = false;        // a preparation writes it
    std::size_t offset = 0;       // into the workspace, or into prepared_ if `prepared`
    std::byte* memory = nullptr;  // set by place()
  };
  void add_to(std::vector<Call>& calls, AnyOperation operation);
  /// The index in tensors_ of the tensor that x is or is a part of; none: x belongs to the caller.
  std::optional<std::size_t> index_of(const Tensor& x) const;
  void run(const std::vector<Call>& calls, Ops& ops, Profiler* profiler) const;
  PlannedTensor& require_own(const Tensor& x);
  void begin_life(const std::vector<std::size_t>& tensors) const;
  void end_life(const std::vector<std::size_t>& tensors) const;

  std::vector<Call> preparations_, calls_;
  std::vector<PlannedTensor> tensors_;  // in the order of their addresses
  bool planned_ = false;
  std::size_t addresses_ = 0, bytes_ = 0, prepared_bytes_ = 0;
  std::string layer_;
  Workspace* workspace_ = nullptr;
  std::unique_ptr<Workspace> prepared_;  // the tensors that preparations write
};

}  // namespace mcnn
