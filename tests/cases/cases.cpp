// Every case of every operation.
#include "tests/cases/cases.h"

namespace mcnn::cases {

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (auto* table : {pointwise_cases, depthwise_cases, dense_cases, batch_norm_cases, squeeze_excite_cases, residual_cases, head_cases,
                      image_cases, optimizer_cases, fill_cases})
    for (Case& row : table()) all.push_back(std::move(row));
  return all;
}

}  // namespace mcnn::cases
