// Backends by name: what is loaded, from where, and the one line that says why something else runs or nothing does.
#include "kernels/backend.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runtime/arena.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

/// MCNN_PLUGINS for the length of a test.
class Plugins : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fs::exists(built)) << "built beside this program"; }
  void TearDown() override { unsetenv("MCNN_PLUGINS"); }

  /// As libmcnn_`device`.so in a folder of its own, the only one that is looked into.
  void offer(const std::string& device, const std::string& content) {
    const std::string folder = fs::path(here.write("libmcnn_" + device + ".so", content)).parent_path();
    setenv("MCNN_PLUGINS", folder.c_str(), 1);
  }
  std::string content_of_sim() const {
    std::ifstream file(built, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::string complaint(const std::string& device) {
    return message_of([&] { make_backend(device, 1); });
  }

  TemporaryFolder here;
  const fs::path built = fs::read_symlink("/proc/self/exe").parent_path() / "libmcnn_sim.so";
};

TEST_F(Plugins, AnUnknownDeviceIsToldTheNearest) {
  EXPECT_TRUE(says(complaint("cuba"), {"device 'cuba'", "did you mean 'cuda'?"}));
  EXPECT_TRUE(says(complaint("gpu"), {"device 'gpu'"}));
}

TEST_F(Plugins, SimLiesBesideTheProgramAndComputes) {
  const Backend backend = make_backend("sim", 1);
  EXPECT_TRUE(backend.reason.starts_with("backend: sim (")) << backend.reason;
  EXPECT_TRUE(backend.reason.ends_with("(device = sim)")) << backend.reason;
  Arena arena(backend.ops->memory());
  Tensor x = arena.tensor({5, 7});
  backend.ops->run(Fill{x, 1.5f});
  std::vector<float> values(35);
  backend.ops->copy_to_host(x, values.data());
  EXPECT_EQ(values, std::vector<float>(35, 1.5f));
  // A mistake in a plugin arrives as the Error that it is.
  EXPECT_TRUE(says(message_of([&] { backend.ops->copy_to_host(Tensor(), values.data()); }), {"copy_to_host"}));
}

TEST_F(Plugins, SayWhoCarriesOutProducts) {
  EXPECT_EQ(make_backend("sim", 1).reason.find("products"), std::string::npos) << "own kernels need no words";
  EXPECT_EQ(make_backend("sim", 1, nullptr, {"auto"}).reason.find("products"), std::string::npos) << "loops are not faster";
  EXPECT_TRUE(says(make_backend("sim", 1, nullptr, {"vendor"}).reason, {"backend: sim (", "; products: reference loops)"}));
  for (const char* device : {"sim", "auto", "cpu"})
    EXPECT_TRUE(says(message_of([&] { make_backend(device, 1, nullptr, {"theirs"}); }), {"products 'theirs'", "own, vendor, auto"}))
        << device;
}

TEST_F(Plugins, SayWhetherFp32IsMultipliedAsTf32) {
  EXPECT_TRUE(says(make_backend("sim", 1, nullptr, {"own", true}).reason, {"backend: sim (", "; fp32 products as tf32)"}));
  EXPECT_TRUE(says(make_backend("sim", 1, nullptr, {"vendor", true}).reason, {"; products: reference loops; fp32 products as tf32)"}));
  for (const char* device : {"cpu", "ref"})
    EXPECT_EQ(make_backend(device, 1, nullptr, {"own", true}).reason, make_backend(device, 1).reason) << "without effect";
}

TEST_F(Plugins, AMissingOneIsNamedWithItsFolder) {
  setenv("MCNN_PLUGINS", here.path().c_str(), 1);
  EXPECT_TRUE(says(complaint("sim"), {"device = sim", "libmcnn_sim.so", here.path(), "MCNN_PLUGINS"}));
  const Backend backend = make_backend("auto", 1);
  EXPECT_TRUE(says(backend.reason, {"backend: cpu (", "device = auto", "libmcnn_cuda.so", here.path()}));
}

TEST_F(Plugins, OfAnotherBuildAreRefused) {
  std::string other = content_of_sim();
  const std::size_t contract = other.find(MCNN_CONTRACT);
  ASSERT_NE(contract, std::string::npos);
  other.replace(contract, 12, "0123456789ab");
  offer("sim", other);
  EXPECT_TRUE(says(complaint("sim"), {"device = sim", "libmcnn_sim.so belongs to another build", "0123456789ab", MCNN_CONTRACT}));
  offer("cuda", other);
  EXPECT_TRUE(says(make_backend("auto", 1).reason, {"backend: cpu (", "belongs to another build"}));
}

TEST_F(Plugins, WhatIsNoPluginIsRefused) {
  offer("sim", "a text");
  EXPECT_TRUE(says(complaint("sim"), {"device = sim", "libmcnn_sim.so"}));
  std::string nameless = content_of_sim();
  for (std::size_t at; (at = nameless.find("mcnn_backend_contract")) != std::string::npos;) nameless[at] = 'M';
  offer("sim", nameless);
  EXPECT_TRUE(says(complaint("sim"), {"device = sim", "libmcnn_sim.so"}));
}

TEST_F(Plugins, WithoutAGpuCudaSaysSoAndAutoGoesOnOnTheCpu) {
  if (!fs::exists(built.parent_path() / "libmcnn_cuda.so")) GTEST_SKIP() << "this build has no CUDA plugin";
  std::string complained;
  try {
    EXPECT_TRUE(says(make_backend("cuda", 1).reason, {"backend: cuda (", "sm_"}));
    EXPECT_TRUE(says(make_backend("auto", 1).reason, {"backend: cuda (", "device = auto"}));
  } catch (const Error& e) {
    complained = e.what();
    EXPECT_TRUE(complained.starts_with("device = cuda: ")) << complained;
    EXPECT_TRUE(complained.find("NVIDIA") != std::string::npos || complained.find("sm_") != std::string::npos) << complained;
    EXPECT_EQ(complained.find('\n'), std::string::npos) << complained;
    EXPECT_TRUE(says(make_backend("auto", 1).reason, {"backend: cpu (", complained.substr(sizeof "device = cuda: " - 1)}));
  }
}

}  // namespace
}  // namespace mcnn
