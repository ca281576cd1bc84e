// A backend that computes nothing, over addresses without memory. Programs are built for it to compute the memory that they need.
#include <cstring>

#include "kernels/ops.h"

namespace mcnn {
namespace {

class DryOps final : public Ops {
 public:
  std::string name() const override { return "dry (nothing is computed)"; }
  Memory& memory() override { return imaginary_memory(); }
  bool supports(DType) const override { return true; }
  void run(const OperationRef&) override {}
  void begin_step(const StepState&) override {}
  void copy_from_host(const void*, Tensor&) override {}
  void copy_to_host(const Tensor& source, void* target) override { std::memset(target, 0, source.bytes()); }
};

}  // namespace

std::unique_ptr<Ops> make_dry_ops() { return std::make_unique<DryOps>(); }

}  // namespace mcnn
