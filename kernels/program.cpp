// plan() computes lifetimes and offsets by a pass over the operands of all calls; place() gives memory; run() runs the calls.
// Next: program.h has the contract; operation.h defines how operands are read.
#include "kernels/program.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/arena.h"
#include "runtime/poison.h"
#include "runtime/profiler.h"

namespace mcnn {
namespace {

// Tensors' addresses before place() start here, where no system allocates memory; between two tensors there is a gap.
constexpr std::uintptr_t kUnplaced = std::uintptr_t{1} << 62;
constexpr std::size_t kApart = 256;

}  // namespace

Program::~Program() {
  if (!workspace_ || !workspace_->memory().separate()) return;
  for (const PlannedTensor& t : tensors_) workspace_->memory().free(t.memory);
}

Tensor Program::tensor(Shape shape, DType type) {
  const std::size_t bytes = static_cast<std::size_t>(shape.size()) * size_of(type);
  tensors_.push_back({addresses_, bytes});
  Tensor x(reinterpret_cast<void*>(kUnplaced + addresses_), type, shape);
  addresses_ += (bytes + kApart) / kApart * kApart;  // at least one byte more than needed, so that an address belongs to one tensor
  return x;
}

std::optional<std::size_t> Program::index_of(const Tensor& x) const {
  const auto address = reinterpret_cast<std::uintptr_t>(x.raw());
  if (address < kUnplaced || address >= kUnplaced + addresses_) return std::nullopt;
  const auto next = std::upper_bound(tensors_.begin(), tensors_.end(), address - kUnplaced,
                                     [](std::size_t at, const PlannedTensor& t) { return at < t.begin; });
  return static_cast<std::size_t>(next - tensors_.begin()) - 1;
}

Program::PlannedTensor& Program::require_own(const Tensor& x) {
  const auto which = index_of(x);
  if (!which) fail("program: a tensor {} is not one of the program's own", x.shape().str());
  return tensors_[*which];
}

void Program::input(const Tensor& x) { require_own(x).input = true; }
void Program::keep(const Tensor& x) { require_own(x).kept = true; }

void Program::add_to(std::vector<Call>& calls, AnyOperation operation) {
  if (planned_) fail("program: {} of {} is added after plan()", operation.name(), layer_);
  calls.push_back({std::move(operation), layer_, {}, {}});
}

void Program::plan() {
  if (planned_) fail("program: plan() was called already");
  planned_ = true;
  constexpr std::size_t kNever = SIZE_MAX;
  struct Use {
    std::size_t first = kNever, last = 0;
  };
  std::vector<Use> uses(tensors_.size());
  std::vector<Call*> all;
  for (Call& call : preparations_) all.push_back(&call);
  for (Call& call : calls_) all.push_back(&call);
  for (std::size_t at = 0; at < all.size(); ++at)
    for_each_operand(all[at]->operation, [&](const OperandName& name, Tensor& x, Access access) {
      const auto which = index_of(x);
      if (!which) return;
      Use& use = uses[*which];
      if (use.first == kNever && access != Access::write && !tensors_[*which].input)
        fail("program: {} of {} reads {}, which no call before it writes", all[at]->operation.name(), all[at]->layer, name.str());
      use.first = std::min(use.first, at);
      use.last = at;
      if (at < preparations_.size()) tensors_[*which].prepared = true;
    });

  prepared_bytes_ = 0;
  for (PlannedTensor& t : tensors_)
    if (t.prepared) t.offset = std::exchange(prepared_bytes_, prepared_bytes_ + (t.bytes + kApart) / kApart * kApart);

  // The other tensors: the calls in order allocate and free them in an arena, which uses the lowest hole that fits.
  Arena arena(imaginary_memory());
  const auto* const base = static_cast<const std::byte*>(imaginary_memory().reserve(0));
  std::vector<Tensor> alive(tensors_.size());
  const auto begin = [&](std::size_t which) {
    alive[which] = arena.tensor({static_cast<int64_t>(tensors_[which].bytes)}, DType::u8);
    tensors_[which].offset = static_cast<std::size_t>(static_cast<const std::byte*>(alive[which].raw()) - base);
  };
  for (std::size_t which = 0; which < tensors_.size(); ++which)
    if (tensors_[which].input) begin(which);
  for (std::size_t at = 0; at < all.size(); ++at) {
    Call& call = *all[at];
    for_each_operand(call.operation, [&](const OperandName&, Tensor& x, Access) {
      const auto which = index_of(x);
      if (!which || tensors_[*which].prepared) return;
      if (uses[*which].first == at && !alive[*which].defined()) {
        begin(*which);
        call.first.push_back(*which);
      }
      if (uses[*which].last == at && !tensors_[*which].kept && std::find(call.last.begin(), call.last.end(), *which) == call.last.end())
        call.last.push_back(*which);
    });
    for (const std::size_t which : call.last) alive[which] = {};
  }
  bytes_ = arena.peak();
}

void Program::place(Workspace& workspace) {
  if (!planned_ || workspace_) fail("program: place() must be called once, after plan()");
  workspace_ = &workspace;
  Memory& memory = workspace.memory();
  if (memory.separate()) {
    for (PlannedTensor& t : tensors_) t.memory = static_cast<std::byte*>(memory.allocate(std::max<std::size_t>(t.bytes, 1)));
  } else {
    std::byte* const base = workspace.at_least(bytes_);
    if (prepared_bytes_ > 0) prepared_ = std::make_unique<Workspace>(memory, prepared_bytes_);
    std::byte* const prepared_base = prepared_ ? prepared_->at_least(prepared_bytes_) : nullptr;
    for (PlannedTensor& t : tensors_) t.memory = (t.prepared ? prepared_base : base) + t.offset;
  }
  for (std::vector<Call>* calls : {&preparations_, &calls_})
    for (Call& call : *calls) for_each_operand(call.operation, [&](const OperandName&, Tensor& x, Access) { x = placed(x); });
}

Tensor Program::placed(const Tensor& x) const {
  const auto which = index_of(x);
  if (!which) return x;
  const std::size_t within = reinterpret_cast<std::uintptr_t>(x.raw()) - kUnplaced - tensors_[*which].begin;
  return Tensor(tensors_[*which].memory + within, x.dtype(), x.shape());
}

void Program::begin_life(const std::vector<std::size_t>& tensors) const {
  for (const std::size_t which : tensors) {
    const PlannedTensor& t = tensors_[which];
    ASAN_UNPOISON_MEMORY_REGION(t.memory, t.bytes);
    if (workspace_->fills_fresh()) std::memset(t.memory, 0xFF, t.bytes);
  }
}

void Program::end_life(const std::vector<std::size_t>& tensors) const {
  for (const std::size_t which : tensors) ASAN_POISON_MEMORY_REGION(tensors_[which].memory, tensors_[which].bytes);
}

// In host memory AddressSanitizer checks lifetimes: a tensor's memory is poisoned before its first call and after its last. Inputs'
// memory is not.
void Program::run(const std::vector<Call>& calls, Ops& ops, Profiler* profiler) const {
  const bool watched = workspace_ && &workspace_->memory() == &host_memory() && (kPoisons || workspace_->fills_fresh());
  struct Poisoned {
    std::byte* memory;
    std::size_t bytes;
    ~Poisoned() {
      if (memory) ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    }
  } poisoned{watched && &calls == &calls_ ? workspace_->at_least(bytes_) : nullptr, bytes_};
  if (poisoned.memory) {
    ASAN_POISON_MEMORY_REGION(poisoned.memory, poisoned.bytes);
    for (const PlannedTensor& t : tensors_)
      if (t.input) ASAN_UNPOISON_MEMORY_REGION(t.memory, t.bytes);
  }
  const bool takes_times = profiler && profiler->enabled();
  for (const Call& call : calls) {
    if (watched) begin_life(call.first);
    const Profiler::Span span = takes_times ? profiler->layer(call.layer) : Profiler::Span();
    ops.run(call.operation);
    if (watched) end_life(call.last);
  }
}

void Program::run_once(Ops& ops, Workspace& workspace) {
  plan();
  place(workspace);
  prepare(ops);
  run(ops);
}

std::string Program::listing() const {
  std::string text;
  for (const Call& call : calls_) {
    std::string written;
    for_each_operand(call.operation, [&](const OperandName& name, Tensor& x, Access access) {
      if (access != Access::read) written += fmt::format(" {} {}", name.str(), x.shape().str());
    });
    text += fmt::format("{:<28} {:<24} {:>12} {}\n", call.layer, call.operation.name(), operand_bytes(call.operation), written);
  }
  return text;
}

}  // namespace mcnn
