// One case on one backend, for tests: its outputs, and a failure for whatever it damaged.
#pragma once
#include <gtest/gtest.h>

#include "tests/cases/case.h"

namespace mcnn::cases {

/// `rounding`: the storage type under test, so that ref computes with the same inputs.
inline std::vector<Output> run(const Case& row, Ops& ops, DType storage, DType rounding = DType::f32) {
  Workspace workspace(ops, storage, rounding);
  const AnyOperation operation = row.prepare(workspace);
  ops.begin_step(row.step);
  ops.run(operation);
  for (const std::string& line : workspace.damage()) ADD_FAILURE() << line;
  return workspace.outputs();
}

}  // namespace mcnn::cases
