// Dropout and drop-path draw the CPU's masks, to the bit, so that a run may move between backends.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernels/cuda/cuda_ops.h"
#include "runtime/arena.h"
#include "runtime/philox.h"

namespace mcnn {
namespace {

class Masks : public testing::TestWithParam<int64_t> {
 protected:
  static constexpr StepState kStep{.seed = 0x123456789abcdefull, .step = 4000000000u};

  /// What `draw` leaves of `size` values on a backend.
  template <class Draw>
  static std::vector<float> drawn(Ops& ops, int64_t size, const Draw& draw) {
    Arena arena(ops.memory());
    Tensor x = arena.tensor({size}), y = arena.tensor({size});
    std::vector<float> values(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1f * static_cast<float>(i) - 3.f;
    ops.copy_from_host(values.data(), x);
    ops.begin_step(kStep);
    draw(ops, x, y);
    ops.copy_to_host(y, values.data());
    return values;
  }
  template <class Draw>
  static void expect_same_as_cpu(int64_t size, const Draw& draw) {
    cuda::CudaOps cuda;
    const std::vector<float> found = drawn(cuda, size, draw), expected = drawn(*make_cpu_ops(1), size, draw);
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0);
  }
};

TEST_P(Masks, DropoutIsTheCpus) {
  expect_same_as_cpu(GetParam(), [](Ops& ops, Tensor& x, Tensor& y) { ops.run(Dropout{x, stream::dropout, 0.3f, y}); });
}
TEST_P(Masks, DropPathIsTheCpus) {
  expect_same_as_cpu(GetParam(), [](Ops& ops, Tensor&, Tensor& y) { ops.run(DropPathScale{stream::drop_path + 7, 0.2f, y}); });
}

INSTANTIATE_TEST_SUITE_P(Sizes, Masks, testing::Values(1, 3, 4, 5, 511, 512, 513, 10000));

}  // namespace
}  // namespace mcnn
