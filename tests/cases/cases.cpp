// The tables, joined.
#include "tests/cases/cases.h"

namespace mcnn::cases {

namespace {

std::vector<Case> joined(std::initializer_list<std::vector<Case> (*)()> tables) {
  std::vector<Case> all;
  for (auto* table : tables)
    for (Case& row : table()) all.push_back(std::move(row));
  return all;
}

}  // namespace

std::vector<Case> all_cases() {
  return joined({pointwise_cases, depthwise_cases, dense_cases, batch_norm_cases, squeeze_excite_cases, residual_cases, head_cases,
                 image_cases, optimizer_cases, fill_cases});
}
std::vector<Case> product_cases() { return joined({pointwise_cases, dense_cases}); }

}  // namespace mcnn::cases
