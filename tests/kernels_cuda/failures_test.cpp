// What a failing device is told of: the kernel, or the recorded step, and how much memory was wanted.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>

#include "emulator/grid.h"
#include "emulator/streams.h"
#include "kernels/checked_ops.h"
#include "kernels/cuda/cuda_ops.h"
#include "runtime/arena.h"
#include "tests/train/small_network.h"

namespace mcnn {
namespace {

class Failures : public testing::Test {
 protected:
  Failures() { simt::options().asynchronous = true; }
  ~Failures() override { simt::options() = before; }

  /// What the next call says; the device works again after that.
  std::string at_wait() {
    return at([this] { ops.wait(); });
  }
  static std::string at(const std::function<void()>& call) {
    std::string message;
    try {
      call();
    } catch (const Error& e) {
      message = e.what();
    }
    simt::failure() = cudaSuccess;
    return message;
  }

  const simt::Options before = simt::options();
  cuda::CudaOps ops;
  Arena arena{ops.memory()};
  Tensor good = arena.tensor({4});
  Tensor nowhere{reinterpret_cast<void*>(4096), DType::f32, {4}};
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(Failures, NameTheKernel) {
  ops.wait();
  ops.run(Fill{nowhere, 1.f});
  const std::string message = at_wait();
  EXPECT_TRUE(message.starts_with("fill_elements<float>: unspecified launch failure (719)")) << message;
  EXPECT_EQ(at_wait(), "");
}

TEST_F(Failures, NameTheKernelWhateverIsCalledNext) {
  float values[4];
  const std::vector<std::function<void()>> calls = {[&] { ops.copy_to_host(good, values); }, [&] { ops.copy_from_host(values, good); },
                                                    [&] { ops.begin_step({}); }};
  for (const auto& call : calls) {
    ops.wait();
    ops.run(Fill{nowhere, 1.f});
    const std::string message = at(call);
    EXPECT_TRUE(message.starts_with("fill_elements<float>: unspecified launch failure")) << message;
  }
}

TEST_F(Failures, NameTheKernelsThatItWasAmong) {
  ops.wait();
  ops.begin_step({});
  ops.run(Fill{nowhere, 1.f});
  const std::string message = at_wait();
  EXPECT_TRUE(contains(message, "one of 2 kernels, write_step_state to fill_elements<float>")) << message;
  EXPECT_TRUE(contains(message, "MCNN_CUDA_SYNC=1")) << message;
}

TEST_F(Failures, NameTheKernelAtOnceWhereEachIsWaitedFor) {
  setenv("MCNN_CUDA_SYNC", "1", 1);
  std::string message;
  try {
    ops.begin_step({});
    ops.run(Fill{nowhere, 1.f});
    ops.run(Fill{good, 1.f});
  } catch (const Error& e) {
    message = e.what();
  }
  EXPECT_EQ(ops.record([] {}), nullptr);
  unsetenv("MCNN_CUDA_SYNC");
  simt::failure() = cudaSuccess;
  EXPECT_TRUE(message.starts_with("fill_elements<float>: unspecified launch failure")) << message;
}

TEST_F(Failures, NameTheRecordedStep) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 16), cudaSuccess);
  Tensor there(memory, DType::f32, {4});
  const auto recording = ops.record([&] { ops.run(Fill{there, 1.f}); });
  ops.wait();
  ASSERT_EQ(cudaFree(memory), cudaSuccess);
  recording->replay();
  const std::string message = at_wait();
  EXPECT_TRUE(message.starts_with("the recorded step: unspecified launch failure")) << message;
}

TEST_F(Failures, SayHowMuchMemoryIsWanted) {
  simt::options().memory = std::size_t{64} << 20;
  std::string message;
  try {
    arena.tensor({100, 1000, 1000});
  } catch (const Error& e) {
    message = e.what();
  }
  EXPECT_TRUE(contains(message, "0.400 GB are needed here")) << message;
  EXPECT_TRUE(contains(message, "GB are free")) << message;
}

TEST(Separate, AStepFromOneTensorIntoTheNextShowsWhereTensorsAreSeparate) {
  const auto fill_past_the_end = [] {
    cuda::CudaOps ops;
    Arena arena(ops.memory());
    Tensor x = arena.tensor({64}), next = arena.tensor({64});
    Tensor too_long(x.raw(), DType::f32, {96});
    try {
      ops.run(Fill{too_long, 1.f});
      ops.wait();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(fill_past_the_end(), "") << "one piece of memory holds both";
  setenv("MCNN_CUDA_SEPARATE", "1", 1);
  const std::string error = fill_past_the_end();
  EXPECT_FALSE(cuda::CudaOps().records());
  unsetenv("MCNN_CUDA_SEPARATE");
  EXPECT_TRUE(error.starts_with("fill_elements<float>")) << error;
}

TEST(Separate, ANetworkTrainsWhereTensorsAreSeparate) {
  setenv("MCNN_CUDA_SEPARATE", "1", 1);
  const auto ops = checked(std::make_unique<cuda::CudaOps>());
  Engine engine(*ops, small_spec(), {}, true);
  random_start(engine);
  const double loss = engine.gradients(random_batch(2, 16, 16, 1), {.seed = 1}, 0.1f);
  unsetenv("MCNN_CUDA_SEPARATE");
  EXPECT_TRUE(std::isfinite(loss));
}

}  // namespace
}  // namespace mcnn
