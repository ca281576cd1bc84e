// The parts that all operations share. An operation is a plain struct (kernels/operations/): its operands are members, and its
// function `operands` lists them in order, with their access and their shape rules. Generic code (operand checks, byte counts,
// tensor lifetimes, a program's listing) reads that list and knows no single operation.
// Next: operations.h lists the operations; ops.h is the interface of the backends that run them.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kernels/feature.h"

namespace mcnn {

enum class Access : uint8_t { read, write, update };

/// "x.norm.mean": the member `mean` of the norm of the operand x. The strings must outlive the name.
struct OperandName {
  const char* group = "";  ///< "x"; empty: the operand is a single tensor
  const char* member;      ///< "norm.mean"
  std::string str() const;
};

/// The shape and type that the contract requires of a tensor.
struct Expected {
  Shape shape;
  std::optional<DType> type;  ///< none: the backend's parameter type
  std::string because;        ///< the reason for the shape: "for k=5"
};

/// A reader of operands. An operation's `operands` calls input(), output() and so on for each of its tensors, in order, and states its
/// rules with require(). A derived class defines what is done with each tensor; only checked_ops.cpp checks rules.
/// A shape may depend on absent tensors, whose dimensions are 0: the check refuses the operation before it uses such a shape.
class Operands {
 public:
  virtual ~Operands() = default;

  // ---- Tensors. An optional one is listed only if it is present. ---------------------------------------------------------
  void input(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {}, std::string because = {});
  void output(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {}, std::string because = {});
  void update(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {});
  void optional_input(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {});
  void optional_output(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {});

  // ---- Groups of feature.h -----------------------------------------------------------------------------------------------
  /// A feature map that is read. Call this before comparing any shape with raw's.
  void feature(const char* name, Feature& x);
  /// The gradient dy of an output of that shape and storage type.
  void output_gradient(OutputGradient& dy, const Shape& shape, DType storage);
  /// The tensors a data gradient writes for feature x; none if dx is not requested.
  void input_gradient(InputGradient& dx, const Feature& x);
  void moments(Moments& m, int64_t channels);
  /// A norm's four vectors; `group` as in OperandName.
  void norm(const char* group, Norm& norm, int64_t channels, Access access);
  /// A norm that is written, and the running statistics that are updated with it.
  void norm_update(NormUpdate& update, int64_t channels);

  // ---- Rules ---------------------------------------------------------------------------------------------------------------
  template <class... Args>
  void require(bool holds, fmt::format_string<Args...> format, Args&&... args) {
    if (!holds) violated(fmt::format(format, std::forward<Args>(args)...));
  }
  /// The tensor is present and has `rank` axes, none of length 0.
  void rank(const char* name, const Tensor& x, int rank);
  void absent(const char* name, const Tensor& x, const char* because);
  /// The backend can store feature maps in this type.
  virtual void storage(const OperandName& /*name*/, DType /*type*/) {}

 protected:
  /// Also called for a required tensor that is absent.
  virtual void tensor(const OperandName& name, Tensor& x, Access access, const Expected& expected) = 0;
  virtual void violated(const std::string& /*rule*/) {}

 private:
  void pass(const char* group, const char* member, Tensor& x, Access access, Expected expected) {
    tensor({group, member}, x, access, expected);
  }
  void optional(const char* group, const char* member, Tensor& x, Access access, const Shape& shape) {
    if (x.defined()) tensor({group, member}, x, access, {shape, {}, {}});
  }
};

/// A kind of operation for generic code: one object per struct.
struct OperationType {
  const char* name;  ///< "pointwise_forward"
  void (*operands)(void* operation, Operands& reader);
  double (*flops)(const void* operation);  ///< 2 per multiply-add of a product or convolution; transforms on read are not counted
};

template <class Operation>
inline const OperationType operation_type = {
    Operation::kName,
    [](void* operation, Operands& reader) { static_cast<Operation*>(operation)->operands(reader); },
    [](const void* operation) -> double {
      if constexpr (requires(const Operation& o) { o.flops(); })
        return static_cast<const Operation*>(operation)->flops();
      else
        return 0;
    },
};

/// A reference to any operation. A backend writes the outputs through it.
struct OperationRef {
  const OperationType* type;
  void* operation;

  template <class Operation>
  static OperationRef of(Operation& operation) {
    return {&operation_type<Operation>, &operation};
  }
  const char* name() const { return type->name; }
  void operands(Operands& reader) const { type->operands(operation, reader); }
  double flops() const { return type->flops(operation); }
};

/// Owns an operation of any kind; copies share it.
class AnyOperation {
 public:
  template <class Operation>
  requires requires { Operation::kName; }
  AnyOperation(Operation operation) : AnyOperation(std::make_shared<Operation>(std::move(operation))) {}  // NOLINT: converts on purpose
  operator OperationRef() const { return operation_; }                                                    // NOLINT: converts on purpose
  const char* name() const { return operation_.name(); }
  double flops() const { return operation_.flops(); }

 private:
  template <class Operation>
  explicit AnyOperation(std::shared_ptr<Operation> owner) : operation_(OperationRef::of(*owner)), owner_(std::move(owner)) {}
  OperationRef operation_;
  std::shared_ptr<void> owner_;
};

/// Calls visit(name, tensor, access) for each operand that is present.
template <class Visit>
void for_each_operand(const OperationRef& operation, const Visit& visit) {
  struct Reader final : Operands {
    explicit Reader(const Visit& v) : visit(v) {}
    void tensor(const OperandName& name, Tensor& x, Access access, const Expected&) override {
      if (x.defined()) visit(name, x, access);
    }
    const Visit& visit;
  };
  Reader reader(visit);
  operation.operands(reader);
}

/// Bytes moved if each operand is read or written once, and an updated one both.
int64_t operand_bytes(const OperationRef& operation);

}  // namespace mcnn
