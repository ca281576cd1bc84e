// Comparing two files, and a network's logits with a reference.
#include "weights/difference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models/model.h"
#include "tests/train/message.h"
#include "weights/state_dict.h"

namespace mcnn {
namespace {

TensorFile file_of(std::vector<StoredTensor> tensors) { return TensorFile("file", std::move(tensors), {}, nullptr); }

template <class T>
StoredTensor stored(const std::string& name, const char* dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {name, dtype, std::move(shape), std::as_bytes(std::span(values))};
}

Difference compared(const TensorFile& a, const TensorFile& b) { return difference(by_timm_name(a, {}), by_timm_name(b, {})); }

TEST(Difference, OfTensorsThatDiffer) {
  const std::vector<float> a = {1, 2, 3, 4}, b = {1, 2, 3.5, 3.75}, nan = {1, NAN, 3, 4};
  const TensorFile first = file_of({stored("x", "F32", {4}, a), stored("y", "F32", {2, 2}, a), stored("z", "F32", {4}, a)});
  const TensorFile second = file_of({stored("x", "F32", {4}, b), stored("y", "F32", {4}, a), stored("w", "F32", {4}, a)});
  const Difference d = compared(first, second);
  EXPECT_EQ(d.lines, (std::vector<std::string>{"'x': max|a-b| 0.5 at element 2 of 4: 3 against 3.5", "'y': shape (2,2) against (4)",
                                               "'z': only in the first, F32(4)", "'w': only in the second, F32(4)"}));
  EXPECT_EQ(d.compared, 2u);
  EXPECT_EQ(d.largest, 0.5);

  const TensorFile broken = file_of({stored("x", "F32", {4}, nan)});
  EXPECT_TRUE(compared(broken, broken).lines.empty()) << "NaN against itself";
  const Difference with_nan = compared(broken, file_of({stored("x", "F32", {4}, a)}));
  ASSERT_EQ(with_nan.lines.size(), 1u);
  EXPECT_TRUE(says(with_nan.lines[0], {"nan at element 1", "nan against 2"}));
  EXPECT_TRUE(std::isnan(with_nan.largest));
}

TEST(Difference, OfTypesAndCountersThatDoNotMatter) {
  const std::vector<float> floats = {1, -2.5};
  const std::vector<double> doubles = {1, -2.5};
  const std::vector<int64_t> count = {7}, other = {8};
  const Difference d = compared(file_of({stored("x", "F32", {2}, floats), stored("bn1.num_batches_tracked", "I64", {}, count)}),
                                file_of({stored("module.x", "F64", {2}, doubles)}));
  EXPECT_TRUE(d.lines.empty());
  EXPECT_EQ(d.counters, 1u);
  EXPECT_EQ(
      compared(file_of({stored("a.num_batches_tracked", "I64", {}, count)}), file_of({stored("a.num_batches_tracked", "I64", {}, other)}))
          .lines.size(),
      1u)
      << "counters that are in both are compared";
  const TensorFile twice = file_of({stored("x", "F32", {2}, floats), stored("module.x", "F32", {2}, floats)});
  EXPECT_TRUE(says(message_of([&] { by_timm_name(twice, {}); }), {"file", "twice"}));
}

TEST(Difference, NamesOfEveryNamingAreTheSameTensors) {
  NetworkSpec spec = network_spec("b0");
  spec.width = 0.25;
  spec.depth = 0.5;
  const auto ops = make_ref_ops();
  Parameters parameters(*ops, false);
  const Model model(spec, parameters);
  initialise(parameters, 1);
  const Network& network = model.network();
  const auto named = [&](Naming naming) { return renamed(state_dict(parameters, [](const std::string&) { return 3; }), network, naming); };
  const TensorFile timm = named(Naming::timm), torchvision = named(Naming::torchvision), pytorch = named(Naming::efficientnet_pytorch);
  for (const TensorFile* other : {&torchvision, &pytorch}) {
    const Difference d = difference(by_timm_name(timm, network), by_timm_name(*other, network));
    EXPECT_EQ(d.lines, std::vector<std::string>{});
    EXPECT_EQ(d.compared, key_map(network, Naming::timm).size());
  }
  parameters.ops().run(Fill{parameters.find("blocks.5.1.bn3.bias")->value, 0.25f});
  const TensorFile changed = named(Naming::timm);
  const Difference d = difference(by_timm_name(changed, network), by_timm_name(pytorch, network));
  EXPECT_EQ(d.lines, (std::vector<std::string>{"'blocks.5.1.bn3.bias': max|a-b| 0.25 at element 0 of 48: 0.25 against 0"}));
}

}  // namespace
}  // namespace mcnn
