// The reference backend: every operation in double, in the order of its formula, one operation per file. Tests compare the other backends
// with it, and compute finite differences on it.
#pragma once
#include "kernels/execute.h"
#include "kernels/ops.h"

namespace mcnn::ref {

class RefOps : public Ops {
 public:
  std::string name() const override { return "ref (double)"; }
  Memory& memory() override { return host_memory(); }
  DType parameter_type() const override { return DType::f64; }
  bool supports(DType) const override { return true; }
  using Ops::run;
  void run(const OperationRef& operation) override { mcnn::execute(*this, operation); }
  void begin_step(const StepState& state) override;
  void copy_from_host(const void* source, Tensor& target) override;
  void copy_to_host(const Tensor& source, void* target) override;

  // clang-format off
  MCNN_OPERATIONS(MCNN_DECLARE_EXECUTE)
  // clang-format on

 private:
  StepState state_;
};

}  // namespace mcnn::ref
