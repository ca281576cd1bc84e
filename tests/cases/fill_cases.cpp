// Fills.
#include "tests/cases/cases.h"

namespace mcnn::cases {

std::vector<Case> fill_cases() {
  const auto fill = [](const char* name, int64_t count) {
    return Case{"fill", name, [=](Workspace& s) -> AnyOperation {
                  Tensor x = s.parameter_output("x", {count});
                  return Fill{x, -1.5f};
                }};
  };
  return {fill("one value", 1), fill("no multiple of a block", 5003)};
}

}  // namespace mcnn::cases
