// The table of chunks behind the optimizers: sets of tensors may change between calls, begin anywhere, and be of any length.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/cuda/cuda_ops.h"
#include "runtime/arena.h"

namespace mcnn {
namespace {

/// Pairs of tensors whose values start at 1 and averages at 0, `offset` floats behind where the arena aligns them.
struct Pairs {
  std::vector<Tensor> values, averages;

  Pairs(Ops& ops, Arena& arena, const std::vector<int64_t>& sizes, int64_t offset) {
    const auto filled = [&](int64_t size, float with) {
      const Tensor whole = arena.tensor({size + offset});
      Tensor part(const_cast<float*>(whole.data<float>()) + offset, DType::f32, {size}, std::make_shared<Tensor>(whole));
      ops.fill(part, with);
      return part;
    };
    for (const int64_t size : sizes) {
      values.push_back(filled(size, 1.f));
      averages.push_back(filled(size, 0.f));
    }
  }
  void expect_averages(Ops& ops, float expected) const {
    for (const Tensor& average : averages) {
      std::vector<float> found(static_cast<std::size_t>(average.size()));
      ops.copy_to_host(average, found.data());
      EXPECT_EQ(found, std::vector<float>(found.size(), expected));
    }
  }
};

TEST(ChunkTable, FollowsTheTensorsOfEachCall) {
  cuda::CudaOps ops;
  Arena arena(ops.memory());
  Pairs first(ops, arena, {3, 4096, 10000}, 0), second(ops, arena, {4097}, 0);
  const auto average = [&](Pairs& pairs) { ops.ema(0.5f, {}, pairs.values, pairs.averages); };
  average(first);
  average(second);
  average(second);
  average(first);
  average(first);
  first.expect_averages(ops, 0.875f);
  second.expect_averages(ops, 0.75f);
}

TEST(ChunkTable, TakesTensorsThatBeginBetweenVectors) {
  cuda::CudaOps ops;
  Arena arena(ops.memory());
  Pairs pairs(ops, arena, {1, 5, 4099}, 1);
  ops.ema(0.25f, {}, pairs.values, pairs.averages);
  pairs.expect_averages(ops, 0.75f);
}

TEST(ChunkTable, OfNothingIsNothing) {
  cuda::CudaOps ops;
  Arena arena(ops.memory());
  Tensor norm = arena.tensor({1}), clip = arena.tensor({1});
  ops.begin_step({});
  ops.gradient_norm({}, 1.f, norm, clip);
  ops.ema(0.5f, {}, {}, {});
  ops.adamw({}, clip, {});
  float found[2];
  ops.copy_to_host(norm, &found[0]);
  ops.copy_to_host(clip, &found[1]);
  EXPECT_EQ(found[0], 0.f);
  EXPECT_EQ(found[1], 1.f);
}

}  // namespace
}  // namespace mcnn
