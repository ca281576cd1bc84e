// The CPU backend: one class, each operation in the file of its own name.
// Folders: readers (a map or a gradient as it is read), writers (what an output or a data gradient writes), products, simd, cuts (how work
// is shared out, and scratch memory).
// Vector code is compiled once per instruction set and chosen at run time (Highway).
#pragma once
#include "kernels/cpu/cuts/scratch.h"
#include "kernels/execute.h"
#include "kernels/ops.h"

namespace mcnn::cpu {

/// From the moments of `count` values per channel to the norm and the running statistics, where the update is requested.
void update_norm(const Moments& moments, int64_t count, NormUpdate& update);

class CpuOps : public Ops {
 public:
  CpuOps(int threads, bool bf16_dots);
  std::string name() const override;
  Memory& memory() override { return host_memory(); }
  bool supports(DType storage) const override { return storage == DType::f32 || storage == DType::bf16; }
  int64_t packed_weight_bytes(int64_t in, int64_t out, DType type) const override;
  using Ops::run;
  void run(const OperationRef& operation) override { mcnn::execute(*this, operation); }
  void begin_step(const StepState& state) override;
  void copy_from_host(const void* source, Tensor& target) override;
  void copy_to_host(const Tensor& source, void* target) override;

  // clang-format off
  MCNN_OPERATIONS(MCNN_DECLARE_EXECUTE)
  // clang-format on

 private:
  int threads_;
  bool bf16_dots_;  // bf16 maps are multiplied as bf16 (products/bf16_dots.h)
  StepState state_;
  Scratch scratch_;  // of a call, for all its threads
};

}  // namespace mcnn::cpu
