// cuDNN's plans for every dense convolution of b0 to b7, built by cuDNN itself for GPUs that are not there. A refusal is proof;
// acceptance says nothing of numbers or speed. Skipped, with the reason, where cuDNN is not installed.
// MCNN_SHOW_PLANS prints engine and workspace of each.
#include <gtest/gtest.h>

#include <cstdlib>

#include "emulator/sanitizers.h"
#include "kernels/cuda/vendor/cudnn.h"
#include "models/published_networks.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

using cuda::Convolution, cuda::Cudnn, cuda::Direction;

struct Gpu {
  const char* name;
  int sm, multiprocessors, shared_opt_in, shared_reserved, blocks, threads, l2_mib, memory_gib;
};
constexpr Gpu kGpus[] = {{"T4", 75, 40, 65536, 0, 16, 1024, 4, 15},
                         {"A100", 80, 108, 166912, 1024, 32, 2048, 40, 80},
                         {"H100", 90, 132, 232448, 1024, 32, 2048, 50, 80},
                         {"RTX 5090", 120, 170, 101376, 1024, 24, 1536, 96, 32}};

/// As it would describe itself to cuDNN.
std::string properties(const Gpu& gpu) {
  return fmt::format(
      R"({{"version":1,"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)"
      R"("multiProcessorCount":{},"warpSize":32,"maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":{},)"
      R"("reservedSharedMemoryPerBlock":{},"maxRegistersPerSM":65536,"maxCtasPerSM":{},"maxThreadsPerBlock":1024,)"
      R"("maxThreadsPerSM":{},"pciDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,"totalGlobalMem":{},"smClockRateKHz":1700000,)"
      R"("memClockRateKHz":2600000,"l2CacheSize":{},"cudaDeviceId":0,"deviceVer":{},"driverVer":13000,"deviceName":"{}"}})",
      gpu.multiprocessors, gpu.shared_opt_in, gpu.shared_reserved, gpu.blocks, gpu.threads, int64_t{gpu.memory_gib} << 30, gpu.l2_mib << 20,
      gpu.sm * 10, gpu.name);
}

struct Arithmetic {
  const char* name;
  DType type;
  bool tf32;
};
constexpr Arithmetic kF32{"f32", DType::f32, false}, kTf32{"tf32", DType::f32, true}, kBf16{"bf16", DType::bf16, false},
    kF16{"f16", DType::f16, false};

/// The stem, the one dense convolution of an EfficientNet, as the backend asks for it at the model's resolution.
Convolution stem(const std::string& model, const Arithmetic& arithmetic, Direction direction, Padding::Mode padding) {
  const NetworkSpec spec = network_spec(model);
  const int size = spec.resolution, kernel = 3, stride = 2;
  const auto [pad, out] = AxisPadding::of(padding, size, kernel, stride).fit(size, kernel, stride);
  return {.direction = direction,
          .type = arithmetic.type,
          .tf32 = arithmetic.tf32,
          .n = 32,
          .h = size,
          .w = size,
          .in = arithmetic.tf32                 ? 4
                : arithmetic.type == DType::f32 ? 3
                                                : 8,
          .out_h = out,
          .out_w = out,
          .out = build_network(spec).layers[0].out,
          .kernel = kernel,
          .stride = stride,
          .pad_top = pad,
          .pad_left = pad};
}

constexpr Direction kDirections[] = {Direction::forward, Direction::backward_data, Direction::backward_weight};
constexpr const char* kDirectionNames[] = {"forward", "backward_data", "backward_weight"};

class CudnnPlans : public testing::TestWithParam<Gpu> {
 protected:
  void SetUp() override {
    try {
      cudnn = std::make_unique<Cudnn>(properties(GetParam()).c_str());
    } catch (const Error& e) {
      GTEST_SKIP() << "cuDNN's plans are not checked: " << e.what();
    }
  }
  simt::Unreported leaks;  // cuDNN and cuBLASLt keep some of what they allocate
  std::unique_ptr<Cudnn> cudnn;
};

TEST_P(CudnnPlans, EveryStemOfB0ToB7InEveryTypeThatTheGpuHas) {
  const bool show = std::getenv("MCNN_SHOW_PLANS") != nullptr;
  for (const char* model : {"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"})
    for (const Padding::Mode padding : {Padding::Mode::same, Padding::Mode::symmetric})
      for (const Arithmetic& arithmetic : {kF32, kTf32, kBf16, kF16})
        for (const Direction direction : kDirections) {
          const Convolution c = stem(model, arithmetic, direction, padding);
          const Cudnn::Plan& plan = cudnn->plan(c);
          const std::string what =
              fmt::format("{} {} {} {} {}", GetParam().name, model, padding == Padding::Mode::same ? "same" : "symmetric", arithmetic.name,
                          kDirectionNames[static_cast<int>(direction)]);
          if (show)
            fmt::print("{}: engine {} of {} ({} skipped), workspace {:.1f} MB {}\n", what, plan.engine, plan.candidates, plan.skipped,
                       static_cast<double>(plan.workspace) * 1e-6, plan.refusal);
          if (arithmetic.type == DType::bf16 && GetParam().sm < 80) {
            EXPECT_FALSE(plan.execution) << what << ": there is no bf16 before sm_80";
            EXPECT_NE(plan.refusal, "");
          } else {
            EXPECT_TRUE(plan.execution) << what << ": " << plan.refusal;
          }
        }
}

/// They would multiply fp32 as tf32: ruled out unless that will do.
TEST_P(CudnnPlans, TensorCoresTakeFp32OnlyWhereTf32WillDo) {
  Convolution c = stem("b4", kTf32, Direction::forward, Padding::Mode::same);
  const int64_t allowed = cudnn->plan(c).engine;
  c.tf32 = false;
  EXPECT_EQ(cudnn->plan(c).engine != allowed, GetParam().sm >= 80);
}

/// A plan is built once; a convolution that there cannot be has none.
TEST_P(CudnnPlans, AreKeptAndDiscriminate) {
  const Convolution right = stem("b4", kF16, Direction::forward, Padding::Mode::same);
  const Cudnn::Plan* first = &cudnn->plan(right);
  EXPECT_EQ(first, &cudnn->plan(right));
  Convolution wrong = right;
  wrong.out_h -= 2;
  for (int twice = 0; twice < 2; ++twice) EXPECT_THROW(cudnn->plan(wrong), Error);
}

INSTANTIATE_TEST_SUITE_P(Gpus, CudnnPlans, testing::ValuesIn(kGpus), [](const auto& test) { return fmt::format("sm_{}", test.param.sm); });

}  // namespace
}  // namespace mcnn
