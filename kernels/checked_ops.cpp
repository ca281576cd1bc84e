// CheckedOps wraps a backend: it checks each operation's operands, then the backend runs it inside a profiler span.
// Next: operation.cpp has the shared rules; kernels/operations/ has those of each operation.
#include "kernels/checked_ops.h"

#include <chrono>
#include <vector>

#include "runtime/profiler.h"

namespace mcnn {
namespace {

/// Checks the operands of one operation, one by one.
class Check final : public Operands {
 public:
  Check(const OperationRef& operation, const Ops& ops) : operation_(operation.name()), ops_(ops) { operation.operands(*this); }

 private:
  void tensor(const OperandName& name, Tensor& x, Access access, const Expected& expected) override {
    const DType type = expected.type.value_or(ops_.parameter_type());
    if (!x.defined() || x.shape() != expected.shape || x.dtype() != type) refuse(name, x, expected, type);
    const auto* begin = static_cast<const std::byte*>(x.raw());
    const Seen seen{name, begin, begin + x.bytes(), access != Access::read};
    // Inputs may share memory with each other; an output may not share memory with any operand.
    for (const Seen& other : seen_)
      if ((seen.written || other.written) && seen.begin < other.end && other.begin < seen.end)
        violated(fmt::format("{} shares memory with {}", name.str(), other.name.str()));
    seen_.push_back(seen);
  }
  void refuse(const OperandName& name, const Tensor& x, const Expected& expected, DType type) {
    const std::string because = expected.because.empty() ? "" : " " + expected.because;
    require(x.defined(), "{} is absent, expected {}{}", name.str(), expected.shape.str(), because);
    require(x.shape() == expected.shape, "{} is {}, expected {}{}", name.str(), x.shape().str(), expected.shape.str(), because);
    require(x.dtype() == type, "{} holds {}, expected {}", name.str(), name_of(x.dtype()), name_of(type));
  }
  void storage(const OperandName& name, DType type) override {
    if (type == DType::u8 || !ops_.supports(type))
      violated(fmt::format("{} holds {}, but backend {} does not store feature maps in this type", name.str(), name_of(type), ops_.name()));
  }
  void violated(const std::string& rule) override { fail<ShapeError>("{}: {}", operation_, rule); }

  struct Seen {
    OperandName name;
    const std::byte *begin, *end;
    bool written;
  };
  const char* operation_;
  const Ops& ops_;
  std::vector<Seen> seen_;
};

void require_present(const char* operation, const char* name, const Tensor& x) {
  if (!x.defined()) fail<ShapeError>("{}: {} is absent", operation, name);
}

/// Passes the kernel times of each replay to the profiler.
class TimedRecording final : public Recording {
 public:
  TimedRecording(std::unique_ptr<Recording> inner, std::vector<Profiler::Operation> operations, Profiler& profiler)
      : inner_(std::move(inner)), operations_(std::move(operations)), profiler_(profiler) {}
  void replay() override {
    const auto begin = std::chrono::steady_clock::now();
    inner_->replay();
    if (profiler_.enabled()) profiler_.add(begin, operations_, inner_->times());
  }

 private:
  std::unique_ptr<Recording> inner_;
  std::vector<Profiler::Operation> operations_;
  Profiler& profiler_;
};

class CheckedOps final : public Ops {
 public:
  CheckedOps(std::unique_ptr<Ops> inner, Profiler* profiler) : inner_(std::move(inner)), profiler_(profiler) {}

  std::string name() const override { return inner_->name(); }
  Memory& memory() override { return inner_->memory(); }
  DType parameter_type() const override { return inner_->parameter_type(); }
  bool supports(DType storage) const override { return inner_->supports(storage); }
  int64_t packed_weight_bytes(int64_t in, int64_t out, DType type) const override { return inner_->packed_weight_bytes(in, out, type); }
  void begin_step(const StepState& state) override { inner_->begin_step(state); }
  void run(const OperationRef& operation) override {
    Check{operation, *inner_};
    const auto span = timed(operation.name(), profiles() ? operand_bytes(operation) : 0);
    inner_->run(operation);
  }

  void copy_from_host(const void* source, Tensor& target) override {
    require_present("copy_from_host", "target", target);
    const auto span = timed("copy_from_host", static_cast<int64_t>(target.bytes()));
    inner_->copy_from_host(source, target);
  }
  void copy_ahead(const void* source, Tensor& target) override {
    require_present("copy_ahead", "target", target);
    const auto span = timed("copy_ahead", static_cast<int64_t>(target.bytes()));
    inner_->copy_ahead(source, target);
  }
  void copy_to_host(const Tensor& source, void* target) override {
    require_present("copy_to_host", "source", source);
    const auto span = timed("copy_to_host", static_cast<int64_t>(source.bytes()));
    inner_->copy_to_host(source, target);
  }
  void wait() override { inner_->wait(); }
  bool records() const override { return inner_->records(); }
  /// While profiling, a step is recorded only if the backend times its kernels itself; else the operations run and are timed one by one.
  std::unique_ptr<Recording> record(const std::function<void()>& step) override {
    const bool by_backend = inner_->time_kernels(profiles());
    if (!profiles()) return inner_->record(step);
    if (!by_backend) return Ops::record(step);
    std::vector<Profiler::Operation> operations;
    recorded_ = &operations;
    std::unique_ptr<Recording> recording;
    try {
      recording = inner_->record([&] {
        operations.clear();
        step();
      });
    } catch (...) {
      recorded_ = nullptr;
      throw;
    }
    recorded_ = nullptr;
    return std::make_unique<TimedRecording>(std::move(recording), std::move(operations), *profiler_);
  }

 private:
  bool profiles() const { return profiler_ && profiler_->enabled(); }
  /// A profiler span that ends when the operation is done, not when it is queued.
  struct Timed {
    Profiler::Span span;
    Ops* to_wait_for;
    ~Timed() {
      try {
        if (to_wait_for) to_wait_for->wait();
      } catch (const Error&) {  // a device failure persists: the next copy reports it
      }
    }
  };
  Timed timed(const char* operation, int64_t bytes) const {
    if (!profiles()) return {Profiler::Span(), nullptr};
    if (recorded_) {
      inner_->mark(static_cast<int>(recorded_->size()));
      recorded_->push_back({operation, profiler_->current_layer(), bytes});
      return {Profiler::Span(), nullptr};
    }
    return {profiler_->operation(operation, bytes), inner_.get()};
  }

  std::unique_ptr<Ops> inner_;
  Profiler* profiler_;
  std::vector<Profiler::Operation>* recorded_ = nullptr;  // operations of the step that is recorded with times now
};

}  // namespace

std::unique_ptr<Ops> checked(std::unique_ptr<Ops> inner, Profiler* profiler) {
  return std::make_unique<CheckedOps>(std::move(inner), profiler);
}

}  // namespace mcnn
