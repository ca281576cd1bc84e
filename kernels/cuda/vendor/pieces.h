// Scratch memory for one operation, in pieces that are aligned as the libraries want them.
#pragma once
#include <array>
#include <cstddef>

namespace mcnn::cuda {

/// Where N pieces of so many bytes lie behind each other.
template <std::size_t N>
class Pieces {
 public:
  template <class... Bytes>
  Pieces(Bytes... bytes) {
    static_assert(sizeof...(Bytes) == N);
    std::size_t i = 0;
    ((begin_[i++] = bytes_, bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment), ...);
  }
  std::size_t operator[](std::size_t piece) const { return begin_[piece]; }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kAlignment = 256;
  std::array<std::size_t, N> begin_{};
  std::size_t bytes_ = 0;
};

}  // namespace mcnn::cuda
