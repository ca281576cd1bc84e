// Fills.
#include "tests/cases/cases.h"

namespace mcnn::cases {

std::vector<Case> fill_cases() {
  const auto fill = [](const char* name, int64_t count) {
    return Case{"fill", name, 0, [=](Workspace& s) -> Run {
                  Tensor x = s.parameter_output("x", {count});
                  return [=](Ops& ops) mutable { ops.fill(x, -1.5f); };
                }};
  };
  return {fill("one value", 1), fill("no multiple of a block", 5003)};
}

}  // namespace mcnn::cases
