// Sectors, bank conflicts and bytes of kernels whose counts follow from their strides.
// Next: emulator/counters.h.
#include "emulator/counters.h"

#include <gtest/gtest.h>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_memory.cuh"
#include "kernels/cuda/vector_access.cuh"
#include "tests/emulator/device_array.h"

namespace mcnn::cuda {
namespace {

/// Each thread copies N elements; the threads' elements are `from_stride` and `to_stride` apart.
template <class T, int N>
__global__ void copy_strided(const T* x, T* y, int from_stride, int to_stride, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) store<T, N>(y + i * to_stride, load<T, N>(x + i * from_stride));
}

struct Words {
  float values[32 * 33];
};

/// Lane t writes and reads N words at stride*t, `times` times.
template <int N>
__global__ void touch_shared(float* y, int stride, int times) {
  float* words = static_shared<Words>().values;
  for (int i = 0; i < times; ++i) store<float, N>(words + stride * threadIdx.x, Floats<N>{});
  __syncthreads();
  float sum = 0.f;
  for (int i = 0; i < times; ++i) sum += load<float, N>(words + stride * threadIdx.x)[0];
  __syncthreads();
  y[threadIdx.x] = __shfl_sync(0xffffffffu, sum, 0);
}

class Counted : public testing::Test {
 protected:
  void SetUp() override {
    simt::counters().clear();
    simt::options().count = true;
  }
  void TearDown() override { simt::options() = before_; }
  const simt::Counters& only() {
    EXPECT_EQ(simt::counters().size(), 1u);
    return simt::counters().begin()->second;
  }

 private:
  simt::Options before_ = simt::options();
};

TEST_F(Counted, NeighboursFillWholeSectors) {
  DeviceArray<float> x(1024), y(1024);
  launch(copy_strided<float, 4>, {2, 128}, nullptr, x, y, 4, 4, 256);
  const simt::Counters& c = only();
  EXPECT_EQ(simt::counters().begin()->first, "copy_strided<float, 4>");
  EXPECT_EQ(c.launches, 1);
  EXPECT_EQ(c.blocks, 2);
  EXPECT_EQ(c.threads, 256);
  for (const simt::GlobalTraffic& traffic : {c.loads, c.stores}) {
    EXPECT_EQ(traffic.requests, 8);  // a warp each
    EXPECT_EQ(traffic.bytes, 4096);
    EXPECT_EQ(traffic.sectors, 128);
    EXPECT_EQ(traffic.ideal_sectors, 128);
  }
}

TEST_F(Counted, StridesWasteSectors) {
  DeviceArray<float> x(8 * 64), y(8 * 64);
  launch(copy_strided<float, 1>, {1, 64}, nullptr, x, y, 8, 8, 64);
  EXPECT_EQ(only().loads.sectors, 64);
  EXPECT_EQ(only().loads.ideal_sectors, 2 * 4);
}

TEST_F(Counted, AMisalignedRowTouchesOneSectorMore) {
  DeviceArray<float> x(65), y(65);
  launch(copy_strided<float, 1>, {1, 64}, nullptr, x + 1, y + 1, 1, 1, 64);
  EXPECT_EQ(only().loads.sectors, 2 * 5);
  EXPECT_EQ(only().loads.ideal_sectors, 2 * 4);
}

TEST_F(Counted, IdleLanesAndBroadcastsCostNothing) {
  DeviceArray<float> x(64), y(64);
  launch(copy_strided<float, 1>, {1, 64}, nullptr, x, y, 1, 1, 40);
  EXPECT_EQ(only().loads.sectors, 4 + 1);
  EXPECT_EQ(only().loads.ideal_sectors, 4 + 1);
  EXPECT_EQ(only().loads.bytes, 160);
  simt::counters().clear();
  launch(copy_strided<float, 1>, {1, 64}, nullptr, x, y, 0, 1, 64);
  EXPECT_EQ(only().loads.sectors, 2);
  EXPECT_EQ(only().loads.ideal_sectors, 2);
}

/// phases, wavefronts and worst of one warp's pattern, done `times` times.
void expect_shared(simt::SharedTraffic found, int64_t phases, int64_t wavefronts, int worst) {
  EXPECT_EQ(found.phases, phases);
  EXPECT_EQ(found.wavefronts, wavefronts);
  EXPECT_EQ(found.worst, worst);
}

TEST_F(Counted, BankConflicts) {
  DeviceArray<float> y(32);
  struct Pattern {
    void (*kernel)(float*, int, int);
    int stride;
    int64_t phases, wavefronts;
    int worst;
  };
  for (const Pattern& p :
       {Pattern{touch_shared<1>, 1, 1, 1, 1}, Pattern{touch_shared<1>, 2, 1, 2, 2}, Pattern{touch_shared<1>, 32, 1, 32, 32},
        Pattern{touch_shared<1>, 33, 1, 1, 1}, Pattern{touch_shared<2>, 2, 2, 2, 1}, Pattern{touch_shared<4>, 4, 4, 4, 1},
        Pattern{touch_shared<4>, 8, 4, 8, 2}, Pattern{touch_shared<4>, 32, 4, 32, 8}, Pattern{touch_shared<4>, 20, 4, 4, 1}}) {
    simt::counters().clear();
    launch(p.kernel, {1, 32}, nullptr, y, p.stride, 3);
    const simt::Counters& c = only();
    SCOPED_TRACE("stride " + std::to_string(p.stride));
    expect_shared(c.shared_stores, 3 * p.phases, 3 * p.wavefronts, p.worst);
    expect_shared(c.shared_loads, 3 * p.phases, 3 * p.wavefronts, p.worst);
    EXPECT_EQ(c.loads.requests, 0);
    EXPECT_EQ(c.barriers, 2);
    EXPECT_EQ(c.warp_operations, 1);
  }
  EXPECT_NE(simt::counters_table().find("touch_shared<4>"), std::string::npos);
}

TEST_F(Counted, OrderOfThreadsDoesNotMatter) {
  DeviceArray<float> x(8 * 64), y(8 * 64);
  for (const simt::Order order : {simt::Order::ascending, simt::Order::descending, simt::Order::shuffled}) {
    simt::options().order = order;
    simt::counters().clear();
    launch(copy_strided<float, 1>, {1, 64}, nullptr, x, y, 3, 3, 64);
    EXPECT_EQ(only().loads.requests, 2);
    EXPECT_EQ(only().loads.sectors, 2 * 12);
  }
}

}  // namespace
}  // namespace mcnn::cuda
