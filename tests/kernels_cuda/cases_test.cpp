// The CUDA kernels, run by the emulator, against ref on every case and with every storage type; with the same bits in
// whatever order the threads of a block and the blocks of a grid get to run. A storage type's cases together run every kernel.
#include <gtest/gtest.h>

#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "emulator/counters.h"
#include "emulator/grid.h"
#include "kernels/cuda/cuda_ops.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "tests/cases/run.h"

namespace mcnn::cases {
namespace {

/// What the sources in kernels/cuda call their kernels: the name in front of a parameter list, after __global__ and its bounds.
std::multiset<std::string> kernels_in_the_sources() {
  const std::regex declaration(R"(__global__\s+void\s+(?:__launch_bounds__\(.*?\)\s+)?(\w+)\()");
  std::multiset<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(MCNN_SOURCE_DIR "/kernels/cuda")) {
    if (entry.path().extension() != ".cu" && entry.path().extension() != ".cuh") continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    for (std::sregex_iterator found(text.begin(), text.end(), declaration), end; found != end; ++found) names.insert((*found)[1]);
  }
  return names;
}

/// Once all cases of a storage type are through: the kernels that none of them ran.
class Coverage : public testing::Environment {
 public:
  void TearDown() override {
    if (rows_run < all_cases().size()) return;  // some were filtered out
    std::set<std::string> ran;
    for (const auto& [name, counters] : simt::counters()) ran.insert(name.substr(0, name.find('<')));
    const auto declared = kernels_in_the_sources();
    EXPECT_GT(declared.size(), 20u) << "of kernels/cuda";
    for (const std::string& name : declared) {
      EXPECT_EQ(declared.count(name), 1u) << "several kernels are called " << name;
      if (name == "store_chunk" && storage == DType::f32) continue;  // fp32 weights are read as they are
      EXPECT_TRUE(ran.contains(name)) << name << " was run by no case";
    }
  }
  std::size_t rows_run = 0;
  DType storage = DType::f32;
};
Coverage* const coverage = [] {
  auto* added = new Coverage;
  testing::AddGlobalTestEnvironment(added);
  return added;
}();

class CudaCase : public testing::TestWithParam<std::tuple<DType, Case>> {
 protected:
  void TearDown() override {
    simt::options() = {};
    ++coverage->rows_run;
    coverage->storage = std::get<DType>(GetParam());
  }
};

TEST_P(CudaCase, AgreesWithRefInEveryOrder) {
  const auto& [storage, row] = GetParam();
  const auto ref = make_ref_ops();
  const std::vector<Output> expected = run(row, *ref, DType::f64, storage);
  std::vector<Output> first;
  for (const simt::Options order : {simt::Options{simt::Order::ascending}, {simt::Order::descending}, {simt::Order::shuffled, 1}}) {
    simt::options() = order;
    cuda::CudaOps ops;
    const std::vector<Output> found = run(row, ops, storage, storage);
    ASSERT_EQ(found.size(), expected.size());
    if (first.empty()) {
      first = found;
      for (std::size_t i = 0; i < found.size(); ++i) {
        Output reference = expected[i];
        reference.tolerance = std::max(reference.tolerance, tolerance_of(storage));
        EXPECT_EQ(disagreement(found[i], reference), "");
      }
    }
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(same_bits(found[i], first[i]))
          << found[i].name << " depends on the order of the threads: " << static_cast<int>(order.order);
  }
}

std::string test_name(const testing::TestParamInfo<std::tuple<DType, Case>>& info) {
  const Case& row = std::get<Case>(info.param);
  std::string name = row.operation + "_" + row.name + "_" + std::to_string(info.index);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(f32, CudaCase, testing::Combine(testing::Values(DType::f32), testing::ValuesIn(all_cases())), test_name);
INSTANTIATE_TEST_SUITE_P(bf16, CudaCase, testing::Combine(testing::Values(DType::bf16), testing::ValuesIn(all_cases())), test_name);
INSTANTIATE_TEST_SUITE_P(f16, CudaCase, testing::Combine(testing::Values(DType::f16), testing::ValuesIn(all_cases())), test_name);

}  // namespace
}  // namespace mcnn::cases
