// A dense, row-major view of memory with a shape and a storage type. Feature maps are (N,H,W,C).
// A Tensor may share ownership of its memory (a block of an arena); copying it never copies the data.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include "runtime/dtype.h"
#include "runtime/error.h"

namespace mcnn {

class Shape {
 public:
  static constexpr int kMaxRank = 4;
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  /// Number of elements: the product of the dimensions, 1 for rank 0.
  int64_t size() const;
  std::string str() const;  // "(32,112,112,48)"
  bool operator==(const Shape&) const = default;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

class Tensor {
 public:
  Tensor() = default;
  Tensor(void* data, DType type, Shape shape, std::shared_ptr<void> owner = {})
      : data_(data), owner_(std::move(owner)), shape_(shape), type_(type), defined_(true) {}

  /// False for a default-constructed tensor: an absent optional argument of an operation.
  bool defined() const { return defined_; }
  explicit operator bool() const { return defined_; }

  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t size() const { return defined_ ? shape_.size() : 0; }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * size_of(type_); }
  DType dtype() const { return type_; }

  // A feature map's axes.
  int64_t n() const { return shape_[0]; }
  int64_t h() const { return shape_[1]; }
  int64_t w() const { return shape_[2]; }
  int64_t c() const { return shape_[3]; }
  /// N*H*W of a feature map: the rows when it is read as a matrix (rows, C).
  int64_t rows() const { return shape_[0] * shape_[1] * shape_[2]; }

  /// The same tensor without ownership of the memory.
  Tensor unowned() const { return defined_ ? Tensor(data_, type_, shape_) : Tensor(); }

  const void* raw() const { return data_; }
  void* raw() { return data_; }
  /// The elements; null for an absent tensor. Throws ShapeError if T is not the storage type.
  template <class T>
  const T* data() const {
    check_type(dtype_of<T>);
    return static_cast<const T*>(data_);
  }
  template <class T>
  T* data() {
    check_type(dtype_of<T>);
    return static_cast<T*>(data_);
  }

 private:
  void check_type(DType type) const {
    if (defined_ && type != type_) fail<ShapeError>("tensor {} holds {}, read as {}", shape_.str(), name_of(type_), name_of(type));
  }

  void* data_ = nullptr;
  std::shared_ptr<void> owner_;
  Shape shape_;
  DType type_ = DType::f32;
  bool defined_ = false;
};

}  // namespace mcnn
