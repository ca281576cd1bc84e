// The CPU backend's construction and transfers; each operation is in the file of its own name.
#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/products/bf16_dots.h"
#include "runtime/allowance.h"

#include <fmt/format.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

namespace mcnn {
namespace cpu {

CpuOps::CpuOps(int threads, bool bf16_dots) : threads_(threads > 0 ? threads : usable_threads()), bf16_dots_(bf16_dots) {}

std::string CpuOps::name() const {
  const int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  const int64_t best = supported & -supported;  // Highway's order: the lowest bit is the widest instruction set
  return fmt::format("cpu ({}{}, {} thread{})", hwy::TargetName(best), bf16_dots_ ? " with BF16" : "", threads_, threads_ == 1 ? "" : "s");
}

void CpuOps::begin_step(const StepState& state) { state_ = state; }
void CpuOps::copy_from_host(const void* source, Tensor& target) { std::memcpy(target.raw(), source, target.bytes()); }
void CpuOps::copy_to_host(const Tensor& source, void* target) { std::memcpy(target, source.raw(), source.bytes()); }
void CpuOps::execute(Fill& op) { std::fill_n(op.x.data<float>(), op.x.size(), op.value); }

}  // namespace cpu

std::unique_ptr<Ops> make_cpu_ops(int threads, bool bf16_dots) {
  return std::make_unique<cpu::CpuOps>(threads, bf16_dots && cpu::has_bf16_dots());
}

}  // namespace mcnn
