// A pointwise convolution that reads packed weights has the bits of one that packs them itself.
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/ops.h"
#include "runtime/arena.h"

namespace mcnn {
namespace {

struct Shapes {
  int64_t rows, in, out;
};

TEST(PackedWeights, GiveTheSameBits) {
  const auto ops = make_cpu_ops(2);
  for (const Shapes shape : {Shapes{3, 5, 7}, {49, 97, 130}, {49, 672, 113}, {2000, 24, 144}, {900, 144, 24}}) {
    for (const DType storage : {DType::f32, DType::bf16}) {
      Arena arena(ops->memory());
      const auto filled = [&](Shape dims) {
        Tensor stored = arena.tensor(dims, storage), values = arena.tensor({stored.size()});
        for (int64_t i = 0; i < values.size(); ++i) values.data<float>()[i] = static_cast<float>(i * 37 % 101 - 50) / 64;
        ops->run(StoreWeights{values, Tensor(stored.raw(), storage, values.shape())});
        return stored;
      };
      Feature x{.raw = filled({1, shape.rows, 1, shape.in}), .act = Activation::swish};
      const Tensor w = filled({shape.in, shape.out});
      Tensor y = arena.tensor({1, shape.rows, 1, shape.out}, storage), y_packed = arena.tensor(y.shape(), storage);
      ops->run(PointwiseForward{x, w, y, {}, {}, {}});

      Tensor packed = arena.tensor({ops->packed_weight_bytes(shape.in, shape.out, storage)}, DType::u8);
      ASSERT_GE(packed.size(), w.size());
      ops->run(PackWeights{w, packed});
      ops->run(PointwiseForward{x, w, y_packed, {}, {}, packed});
      EXPECT_EQ(std::memcmp(y.raw(), y_packed.raw(), y.bytes()), 0) << shape.rows << " x " << shape.in << " x " << shape.out;
    }
  }
}

}  // namespace
}  // namespace mcnn
