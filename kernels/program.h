// A step as a list of calls that can be looked at before it runs: a forward pass, a backward pass, an optimizer's update.
// Layers add operations over tensors that are no memory yet. place() gives each tensor memory from the first call that writes it to
// the last that reads it, so that tensors which are not in use at the same time share memory: bytes() is what the step needs.
// Next: layers/context.h is what layers see of it; train/training_step.h runs one.
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

  /// A tensor of the program's own, uninitialised. Before place() it has an address that stands for no memory.
  Tensor tensor(Shape shape, DType type);
  /// Calls added from now on belong to this layer, for the profiler and the listing.
  void set_layer(std::string name) { layer_ = std::move(name); }
  const std::string& layer() const { return layer_; }
  /// Adds a call behind all others.
  void add(AnyOperation operation) { add_to(calls_, std::move(operation)); }
  /// Adds a call that depends on parameters alone and is not repeated while these stay: prepare() runs it, run() does not.
  void add_preparation(AnyOperation operation) { add_to(preparations_, std::move(operation)); }
  /// The caller writes this tensor before each run.
  void input(const Tensor& x);
  /// The caller reads this tensor behind a run: its memory is not used again by later calls.
  void keep(const Tensor& x);

  // ---- Looking at it -------------------------------------------------------------------------------------------------------

  struct Call {
    AnyOperation operation;
    std::string layer;
    std::vector<std::size_t> first, last;  // tensors of the program that no call before, that no call behind it uses; by plan()
  };
  const std::vector<Call>& preparations() const { return preparations_; }
  const std::vector<Call>& calls() const { return calls_; }
  /// Works out how long each tensor is in use, and where it lies. Throws Error naming the call that reads a tensor of the program which
  /// no call before it wrote and which is no input. Once, when the last call has been added.
  void plan();
  /// Memory of all tensors of the program, by plan().
  std::size_t bytes() const { return bytes_ + prepared_bytes_; }
  /// One line for each call: layer, operation, the shapes of what it writes, and the bytes of all its operands.
  std::string listing() const;

  // ---- Running -------------------------------------------------------------------------------------------------------------

  /// Gives the tensors memory, once, after plan(). The workspace outlives the program. Programs placed in one workspace share its
  /// memory: one must not run while another's kept tensors are still needed. What preparations write lies in memory of the program's own.
  void place(Workspace& workspace);
  /// A tensor of the program where it lies now.
  Tensor placed(const Tensor& x) const;
  /// plan(), place(), prepare() and run(), for a program that runs once.
  void run_once(Ops& ops, Workspace& workspace);
  void prepare(Ops& ops, Profiler* profiler = nullptr) const { run(preparations_, ops, profiler); }
  void run(Ops& ops, Profiler* profiler = nullptr) const { run(calls_, ops, profiler); }

 private:
  struct Own {          // a tensor of the program
    std::size_t begin;  // its address, from the start of the program's addresses on
    std::size_t bytes;
    bool input = false, kept = false;
    bool prepared = false;        // a preparation writes it
    std::size_t offset = 0;       // from the address of the workspace on, of prepared_ if it is prepared
    std::byte* memory = nullptr;  // once placed
  };
  void add_to(std::vector<Call>& calls, AnyOperation operation);
  /// The index of the tensor in own_ that x is, or is a part of; none: x is the caller's.
  std::optional<std::size_t> own(const Tensor& x) const;
  void run(const std::vector<Call>& calls, Ops& ops, Profiler* profiler) const;
  Own& require_own(const Tensor& x);
  void begin_life(const std::vector<std::size_t>& tensors) const;
  void end_life(const std::vector<std::size_t>& tensors) const;

  std::vector<Call> preparations_, calls_;
  std::vector<Own> own_;  // in the order of their addresses
  bool planned_ = false;
  std::size_t addresses_ = 0, bytes_ = 0, prepared_bytes_ = 0;
  std::string layer_;
  Workspace* workspace_ = nullptr;
  std::unique_ptr<Workspace> prepared_;  // what preparations write
};

}  // namespace mcnn
