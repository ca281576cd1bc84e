// The processors and memory that a process may use, read from folders that replace the system's.
// Next: runtime/allowance.h.
#include "runtime/allowance.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "runtime/number.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

class Allowance : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* set = std::getenv("OMP_NUM_THREADS")) before_ = set;
    unsetenv("OMP_NUM_THREADS");
  }
  void TearDown() override {
    unsetenv("OMP_NUM_THREADS");
    if (!before_.empty()) setenv("OMP_NUM_THREADS", before_.c_str(), 1);
  }
  void file(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(here / path).parent_path());
    here.write(path, text);
  }
  SystemFiles files() const { return {here / "cgroup", here / "self"}; }

  TemporaryFolder here;
  std::string before_;
};

TEST_F(Allowance, WithoutLimitsItIsTheAffinityMask) {
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  EXPECT_EQ(usable_threads(files()), CPU_COUNT(&mask));
  EXPECT_EQ(memory_left_by_cgroups(files()), SIZE_MAX);
  file("self", "0::/\n");
  file("cgroup/cpu.max", "max 100000\n");
  file("cgroup/memory.max", "max\n");
  EXPECT_EQ(usable_threads(files()), CPU_COUNT(&mask));
  EXPECT_EQ(memory_left_by_cgroups(files()), SIZE_MAX);
}

TEST_F(Allowance, OneProcessorOfTheMaskIsOneThread) {
  cpu_set_t mask, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &mask)) CPU_SET(cpu, &one);
  std::thread([&] {
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(usable_threads(files()), 1);
  }).join();
}

TEST_F(Allowance, QuotasOfTheCgroupAndThoseAbove) {
  file("self", "0::/a/b\n");
  file("cgroup/a/b/cpu.max", "max 100000\n");
  file("cgroup/a/cpu.max", "50000 100000\n");
  EXPECT_EQ(usable_threads(files()), 1);
  file("self", "4:cpuacct,cpu:/docker/1\n3:memory:/docker/1\n");  // version 1
  fs::remove_all(here / "cgroup");
  file("cgroup/cpu/docker/1/cpu.cfs_quota_us", "100000\n");
  file("cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_threads(files()), 1);
  file("cgroup/cpu/docker/1/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(usable_threads(files()), usable_threads({here / "none", here / "none"}));
}

TEST_F(Allowance, MemoryThatTheLimitLeaves) {
  file("self", "0::/a\n");
  file("cgroup/a/memory.max", "1000000\n");
  file("cgroup/a/memory.current", "700000\n");
  file("cgroup/a/memory.stat", "anon 600000\ninactive_file 100000\n");
  EXPECT_EQ(memory_left_by_cgroups(files()), 400000u);
  file("self", "3:memory:/not/here\n");  // version 1, seen from within a container
  file("cgroup/memory/memory.limit_in_bytes", "2000\n");
  file("cgroup/memory/memory.usage_in_bytes", "5000\n");
  EXPECT_EQ(memory_left_by_cgroups(files()), 0u);
}

TEST_F(Allowance, TheUsersOwnNumber) {
  setenv("OMP_NUM_THREADS", "1,4", 1);
  EXPECT_EQ(usable_threads(files()), 1);
  const int all = (unsetenv("OMP_NUM_THREADS"), usable_threads(files()));
  for (const char* odd : {"", "0", "-3", "many", "1000000"}) {
    setenv("OMP_NUM_THREADS", odd, 1);
    EXPECT_EQ(usable_threads(files()), all) << odd;
  }
}

TEST(Number, TheWholeTextOrNothing) {
  EXPECT_EQ(number_in<double>("0.5"), 0.5);
  EXPECT_EQ(number_in<double>("1e-3"), 1e-3);
  for (const char* bad : {"", " 1", "1 ", "0,5", "0.1x", "nan", "inf", "-inf", "1e400", "+1", "0x10"})
    EXPECT_FALSE(number_in<double>(bad)) << bad;
  EXPECT_EQ(number_in<int>("-7"), -7);
  EXPECT_FALSE(number_in<int>("7.0"));
  EXPECT_FALSE(number_in<int>("99999999999"));
}

}  // namespace
}  // namespace mcnn
