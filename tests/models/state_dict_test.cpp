// The networks against timm: every tensor's name and shape in timm's order, and the sums that follow.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "models/layer_table.h"
#include "models/layer_tensors.h"
#include "models/model.h"
#include "tests/models/state_dicts.h"

namespace mcnn {
namespace {

class StateDictOf : public testing::TestWithParam<const char*> {
 protected:
  StateDict timm = read_state_dict(GetParam());
  Network network = build_network(network_spec(GetParam()));
};

/// What the network says is applied behind a module.
std::string activation_behind(const Layer& layer, Module module) {
  if (is_convolution(layer.kind) && module == Module::weight) return "-";
  return module == Module::expand ? name_of(layer.gate) : name_of(layer.act);
}

TEST_P(StateDictOf, NamesShapesAndActivationsAreTimms) {
  std::size_t i = 0;
  for (const Layer& layer : network.layers)
    for (const LayerTensor& t : tensors_of(layer)) {
      ASSERT_LT(i, timm.entries.size()) << layer.name;
      const StateDict::Entry& expected = timm.entries[i++];
      EXPECT_EQ(module_name(layer, t.module) + "." + t.entry, expected.timm);
      EXPECT_EQ(t.shape, expected.shape) << expected.timm;
      EXPECT_EQ(activation_behind(layer, t.module), expected.activation) << expected.timm;
    }
  EXPECT_EQ(i, timm.entries.size());
}

TEST_P(StateDictOf, ParametersAndMultiplyAddsAreTimms) {
  int64_t parameters = 0, multiply_adds = 0;
  for (const LayerRow& row : layer_table(network, 1, timm.resolution, timm.resolution)) {
    parameters += row.parameters;
    multiply_adds += row.macs;
  }
  EXPECT_EQ(parameters, timm.parameters);
  EXPECT_EQ(multiply_adds, timm.multiply_adds);
}

TEST(Roles, TellTheBlocksOfANetwork) {
  const Network network = build_network(network_spec("efficientnetv2_s"));
  std::map<int, std::vector<std::string>> blocks;
  for (const Layer& layer : network.layers)
    if (layer.role.in_block()) blocks[layer.role.block].push_back(layer.name);
  EXPECT_EQ(blocks.size(), 40u);
  EXPECT_EQ(blocks[1], (std::vector<std::string>{"blocks.0.1.conv", "blocks.0.1.skip"}));
  EXPECT_EQ(blocks[2], (std::vector<std::string>{"blocks.1.0.conv_exp", "blocks.1.0.conv_pwl"}));
  EXPECT_EQ(blocks[39], (std::vector<std::string>{"blocks.5.14.conv_pw", "blocks.5.14.conv_dw", "blocks.5.14.se", "blocks.5.14.conv_pwl",
                                                  "blocks.5.14.skip"}));
  const auto sum = std::find_if(network.layers.begin(), network.layers.end(), [](const Layer& l) { return l.name == "blocks.0.1.skip"; });
  EXPECT_EQ(network.layers[sum->input].name, "blocks.0.1.conv");
  EXPECT_EQ(network.layers[sum->skip].name, "blocks.0.0.skip");
}

TEST(Layers, AddTheTensorsThatTheListStates) {
  const auto ops = make_dry_ops();
  for (const char* name : {"b0", "b4", "lite0", "efficientnetv2_s", "mobilenetv3_large"}) {
    Parameters added(*ops, false), stated(*ops, false);
    const Model model(network_spec(name), added);
    add_tensors(model.network(), stated);
    ASSERT_EQ(added.tensors().size(), stated.tensors().size());
    for (std::size_t i = 0; i < added.tensors().size(); ++i) {
      const NamedTensor &a = added.tensors()[i], &b = stated.tensors()[i];
      EXPECT_EQ(a.name, b.name) << name;
      EXPECT_EQ(a.kind, b.kind) << a.name;
      EXPECT_EQ(a.torch_shape, b.torch_shape) << a.name;
      EXPECT_EQ(a.trainable, b.trainable) << a.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Published, StateDictOf, testing::Values("b0", "efficientnetv2_s", "mobilenetv3_large"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace mcnn
