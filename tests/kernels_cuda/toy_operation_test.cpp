// An operation that the engine does not know is added as CONTRIBUTING says: a struct, a function in each backend, a case. Checks, times,
// bytes, a program's memory and listing, recording and the counting of traffic then work on it, and none of them was touched.
#include <gtest/gtest.h>

#include "bench/traffic.h"
#include "emulator/counters.h"
#include "emulator/grid.h"
#include "kernels/checked_ops.h"
#include "kernels/cpu/cpu_ops.h"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "kernels/program.h"
#include "kernels/ref/feature.h"
#include "kernels/ref/ref_ops.h"
#include "runtime/profiler.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn {
namespace {

/// y[n,h,w,c] = factor[c] * x[n,h,w,c]
struct ScaleChannels {
  static constexpr const char* kName = "scale_channels";
  Tensor x;       ///< (N,H,W,C)
  Tensor factor;  ///< (C)
  Tensor y;       ///< (N,H,W,C)

  void operands(Operands& reader) {
    reader.rank("x", x, 4);
    reader.storage({"", "x"}, x.dtype());
    reader.input("x", x, x.shape(), x.dtype());
    reader.input("factor", factor, {x.c()});
    reader.output("y", y, x.shape(), x.dtype());
  }
};

/// A backend that also has it; `execute` is what a file in the backend's folder would hold.
template <class Backend, class Execute>
class With : public Backend {
 public:
  template <class... Arguments>
  explicit With(Execute execute, Arguments&&... arguments) : Backend(std::forward<Arguments>(arguments)...), execute_(execute) {}
  using Backend::run;
  void run(const OperationRef& operation) override {
    if (operation.name() == std::string_view(ScaleChannels::kName))
      execute_(*static_cast<ScaleChannels*>(operation.operation));
    else
      Backend::run(operation);
  }

 private:
  Execute execute_;
};

std::unique_ptr<Ops> ref_with_it() {
  const auto execute = [](ScaleChannels& op) {
    ref::Reals y = ref::load(op.x);
    const ref::Reals factor = ref::load(op.factor);
    ref::each_element(op.x.shape(), [&](auto i, auto, auto c, auto) { y[i] *= factor[c]; });
    ref::store(y, op.y);
  };
  return std::make_unique<With<ref::RefOps, decltype(execute)>>(execute);
}

std::unique_ptr<Ops> cpu_with_it() {
  const auto execute = [](ScaleChannels& op) {
    for (int64_t i = 0; i < op.x.size(); ++i) op.y.data<float>()[i] = op.x.data<float>()[i] * op.factor.data<float>()[i % op.x.c()];
  };
  return std::make_unique<With<cpu::CpuOps, decltype(execute)>>(execute, 1, true);
}

__global__ void scale_channels(const float* x, const float* factor, float* y, int64_t count, int64_t channels) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const float scaled = cuda::load<float, 1>(x + i)[0] * cuda::load<float, 1>(factor + i % channels)[0];
  cuda::store<float, 1>(y + i, {{scaled}});
}

std::unique_ptr<Ops> cuda_with_it() {
  const auto execute = [](ScaleChannels& op) {
    cuda::launch(scale_channels, {cuda::blocks_for(op.x.size(), 128), 128}, nullptr, op.x.data<float>(), op.factor.data<float>(),
                 op.y.data<float>(), op.x.size(), op.x.c());
  };
  return std::make_unique<With<cuda::CudaOps, decltype(execute)>>(execute);
}

cases::Case scale_channels_case() {
  return {"scale_channels", "odd channels", [](cases::Workspace& s) -> AnyOperation {
            const Shape shape = {2, 5, 7, 17};
            return ScaleChannels{s.feature(shape, cases::normal()), s.parameter({17}, cases::normal()), s.feature_output("y", shape)};
          }};
}

TEST(ToyOperation, AgreesOnAllBackendsThroughTheChecks) {
  const auto expected = cases::run(scale_channels_case(), *checked(ref_with_it()), DType::f64);
  for (const auto& make : {cpu_with_it, cuda_with_it}) {
    const auto found = cases::run(scale_channels_case(), *checked(make()), DType::f32);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(cases::disagreement(found[0], expected[0]), "");
  }
}

TEST(ToyOperation, IsCheckedAndTimed) {
  Profiler profiler;
  profiler.enable(true);
  const auto ops = checked(cpu_with_it(), &profiler);
  Arena arena(ops->memory());
  const Tensor x = arena.tensor({1, 2, 2, 3}), factor = arena.tensor({3}), wrong = arena.tensor({4});
  Tensor y = arena.tensor({1, 2, 2, 3});
  const auto message = [&](const ScaleChannels& op) {
    try {
      ops->run(ScaleChannels(op));
    } catch (const ShapeError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(message({x, wrong, y}), "scale_channels: factor is (4), expected (3)");
  EXPECT_EQ(message({x, factor, x}), "scale_channels: y shares memory with x");
  EXPECT_EQ(message({x, factor, y}), "");
  ASSERT_EQ(profiler.rows().size(), 1u);
  EXPECT_EQ(profiler.rows()[0].operation, "scale_channels");
  EXPECT_EQ(profiler.rows()[0].bytes, (2 * 12 + 3) * 4);
}

TEST(ToyOperation, ABackendWithoutItSaysSo) {
  const auto ops = make_cpu_ops(1);
  Tensor none;
  try {
    ops->run(ScaleChannels{none, none, none});
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("has no operation scale_channels"), std::string::npos) << e.what();
  }
}

TEST(ToyOperation, IsPartOfPrograms) {
  const auto ops = checked(cpu_with_it());
  Arena arena(ops->memory());
  Workspace workspace(ops->memory());
  Tensor factor = arena.tensor({3});
  ops->run(Fill{factor, 2.f});
  Program program;
  program.set_layer("toys");
  std::vector<Tensor> maps(5);
  for (Tensor& map : maps) map = program.tensor({1, 64, 64, 3}, DType::f32);
  program.add(Fill{maps[0], 1.f});
  for (std::size_t i = 1; i < maps.size(); ++i) program.add(ScaleChannels{maps[i - 1], factor, maps[i]});
  program.keep(maps.back());
  program.run_once(*ops, workspace);
  EXPECT_EQ(program.placed(maps.back()).data<float>()[7], 16.f);
  EXPECT_LT(program.bytes(), 3 * maps[0].bytes());  // two are in use at a time
  EXPECT_NE(program.listing().find("scale_channels"), std::string::npos);
}

TEST(ToyOperation, ItsTrafficIsItsOperands) {
  const simt::Options before = simt::options();
  simt::options().run = false;
  {
    const auto cuda = cuda_with_it();
    std::map<std::string, Traffic> traffic;
    const auto counting = counting_traffic(*cuda, traffic);
    cases::Workspace s(*counting, DType::f32, DType::f32);
    counting->run(scale_channels_case().prepare(s));
    EXPECT_EQ(traffic["scale_channels"].launches, 1);
    EXPECT_EQ(traffic["scale_channels"].read, (2 * 5 * 7 * 17 + 17) * 4);
    EXPECT_EQ(traffic["scale_channels"].written, 2 * 5 * 7 * 17 * 4);
  }
  simt::options() = before;
}

}  // namespace
}  // namespace mcnn
