// What all operations have in common. An operation is a plain struct (kernels/operations/): its operands are members, and its
// function `operands` names them in order, with their access and their shape rules. Whoever has to know the operands of any
// operation reads that list and no operation's name: checks, bytes, lifetimes, a program's listing.
// Next: operations.h lists the operations; ops.h is what carries them out.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kernels/feature.h"

namespace mcnn {

enum class Access : uint8_t { read, write, update };

/// "x.norm.mean": the member `mean` of the norm of the operand x. The strings outlive the name.
struct OperandName {
  const char* group = "";  ///< "x"; empty: the operand is a tensor of its own
  const char* member;      ///< "norm.mean"
  std::string str() const;
};

/// What the contract says about a tensor. No type: the backend's parameter type.
struct Expected {
  Shape shape;
  std::optional<DType> type;
  std::string because;  ///< of this shape: "for k=5"
};

/// A reader of operands. An operation's `operands` calls input(), output() and the others for each of its tensors, in order, and
/// states its rules with require(). A reader says what is done with a tensor; only a check looks at rules.
/// Shapes may be formed from absent tensors, whose dimensions are 0: a check has refused the call before it uses such a shape.
class Operands {
 public:
  virtual ~Operands() = default;

  // ---- Tensors. An optional one is passed on only where it is present. -------------------------------------------------
  void input(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {}, std::string because = {});
  void output(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {}, std::string because = {});
  void update(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {});
  void optional_input(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {});
  void optional_output(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {});
  void optional_update(const char* name, Tensor& x, const Shape& shape, std::optional<DType> type = {});

  // ---- Groups of feature.h -----------------------------------------------------------------------------------------------
  /// A feature map that is read. Call it before anything is compared with raw's shape.
  void feature(const char* name, Feature& x);
  /// dy of an output of that shape and storage type.
  void output_gradient(OutputGradient& dy, const Shape& shape, DType storage);
  /// What a data gradient writes for feature x; nothing where dx is not requested.
  void input_gradient(InputGradient& dx, const Feature& x);
  void moments(Moments& m, int64_t channels);
  /// A norm that is written, with the running statistics it updates.
  void norm_update(NormUpdate& update, int64_t channels);

  // ---- Rules ---------------------------------------------------------------------------------------------------------------
  template <class... Args>
  void require(bool holds, fmt::format_string<Args...> format, Args&&... args) {
    if (!holds) violated(fmt::format(format, std::forward<Args>(args)...));
  }
  /// The tensor is present, of that many axes, none of length 0.
  void rank(const char* name, const Tensor& x, int rank);
  void absent(const char* name, const Tensor& x, const char* because);
  /// The backend stores feature maps of this type.
  virtual void storage(const OperandName& /*name*/, DType /*type*/) {}

 protected:
  /// A tensor that is absent though it is required comes here too.
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

/// What generic readers know of a kind of operation: one object for each struct.
struct OperationType {
  const char* name;  ///< "pointwise_forward"
  void (*operands)(void* operation, Operands& reader);
  double (*flops)(const void* operation);  ///< of multiply-adds of products, 2 each; transforms on read are not counted
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

/// Any operation, not owned. Outputs are written through it.
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

/// Any operation, owned: copies share it.
class AnyOperation {
 public:
  template <class Operation>
  requires requires { Operation::kName; }
  AnyOperation(Operation operation) : AnyOperation(std::make_shared<Operation>(std::move(operation))) {}  // NOLINT: converts on purpose
  operator OperationRef() const { return operation_; }                                                    // NOLINT: converts on purpose
  const char* name() const { return operation_.name(); }
  void operands(Operands& reader) const { operation_.operands(reader); }
  double flops() const { return operation_.flops(); }

 private:
  template <class Operation>
  explicit AnyOperation(std::shared_ptr<Operation> owner) : operation_(OperationRef::of(*owner)), owner_(std::move(owner)) {}
  OperationRef operation_;
  std::shared_ptr<void> owner_;
};

/// The bytes of all operands: each is read once or written once, an updated one both.
int64_t operand_bytes(const OperationRef& operation);

}  // namespace mcnn
