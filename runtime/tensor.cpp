#include "runtime/tensor.h"

#include <algorithm>

namespace mcnn {

Shape::Shape(std::initializer_list<int64_t> dims) {
  if (dims.size() > kMaxRank) fail<ShapeError>("a shape has at most {} axes, got {}", kMaxRank, dims.size());
  std::copy(dims.begin(), dims.end(), dims_.begin());
  rank_ = static_cast<int>(dims.size());
}

int64_t Shape::size() const {
  int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
  return product;
}

std::string Shape::str() const {
  std::string text = "(";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis) text += ',';
    text += std::to_string((*this)[axis]);
  }
  text += ')';
  return text;
}

}  // namespace mcnn
