// The copies and fills of the reference backend; each other operation is in the file of its name.
#include "kernels/ref/ref_ops.h"

#include <cstring>

#include "kernels/ref/reals.h"

namespace mcnn {
namespace ref {

void RefOps::begin_step(const StepState& state) { state_ = state; }
void RefOps::copy_from_host(const void* source, Tensor& target) { std::memcpy(target.raw(), source, target.bytes()); }
void RefOps::copy_to_host(const Tensor& source, void* target) { std::memcpy(target, source.raw(), source.bytes()); }
void RefOps::execute(Fill& op) { store(Reals(static_cast<std::size_t>(op.x.size()), op.value), op.x); }

}  // namespace ref

std::unique_ptr<Ops> make_ref_ops() { return std::make_unique<ref::RefOps>(); }

}  // namespace mcnn
