// One case = an operation, shapes, a variant and a seed. The same case is a test of every backend against ref and a row of
// bench_kernels: it builds its tensors on whatever backend it is given, and the values are the same on all of them.
// Next: cases.h lists the tables, compare.h says when two backends agree.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "runtime/arena.h"
#include "runtime/philox.h"

namespace mcnn::cases {

/// fp32 arithmetic: sums of some thousand products of random sign lose sqrt(1000)*2^-24 = 2e-6 of their norm at worst.
inline constexpr double kTolerance = 1e-5;

/// Element `index` of a tensor, from the tensor's own random numbers.
using Values = std::function<double(const Philox& random, uint64_t index)>;
Values normal(double deviation = 1.0, double mean = 0.0);
Values uniform(double low, double high);
Values integers(int low, int high);  ///< low <= value <= high
Values cycle(std::vector<double> values);

struct Output {
  std::string name;
  std::vector<double> values;
  double tolerance;
};

/// The tensors of one case on one backend. Each lies between guards; outputs start as NaN.
class Workspace {
 public:
  /// Feature maps are of type `storage`, their values rounded to `rounding`: the storage type of the backend under test,
  /// so that ref in f64 is given the same numbers.
  Workspace(Ops& ops, DType storage, DType rounding, uint64_t seed = 1);

  Tensor feature(Shape shape, const Values& values);    ///< input of the storage type
  Tensor parameter(Shape shape, const Values& values);  ///< input of the backend's parameter type, rounded to fp32
  /// Input of a pointwise or dense convolution: of the storage type where that has 16 bits (product_weight_type).
  Tensor product_weight(Shape shape, const Values& values);
  Tensor bytes(Shape shape, const Values& values);  ///< input of type u8
  Tensor feature_output(const std::string& name, Shape shape, double tolerance = kTolerance);
  Tensor parameter_output(const std::string& name, Shape shape, double tolerance = kTolerance);
  Tensor parameter_updated(const std::string& name, Shape shape, const Values& values, double tolerance = kTolerance);

  std::vector<Output> outputs();
  /// What an operation must not do: one line for each input that changed and each guard that was written over.
  std::vector<std::string> damage();
  double total_bytes() const;  ///< of all tensors, each counted once

 private:
  enum class Role { input, output, updated };
  struct Buffer {
    std::string name;
    Role role;
    Tensor tensor, guarded;          // guarded: guard, tensor, guard
    std::vector<std::byte> initial;  // what guarded held at first
    double tolerance;
  };
  Tensor add(const std::string& name, Role role, Shape shape, DType type, DType rounding, const Values& values, double tolerance);
  std::vector<std::byte> read_back(const Buffer& buffer);

  Ops& ops_;
  Arena arena_;
  DType storage_, rounding_;
  uint64_t seed_;
  std::vector<Buffer> buffers_;
};

struct Case {
  std::string operation;  ///< kName of its struct in kernels/operations/
  std::string name;       ///< what would be broken if it failed
  std::function<AnyOperation(Workspace&)> prepare;
  StepState step = {.seed = 7, .step = 3, .learning_rate = 0.1f};
};

}  // namespace mcnn::cases
