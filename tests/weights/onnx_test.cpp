// Checks the exported graph, read back by protobuf: every value is written before it is read, padding fits the input size, and folded
// weights are correct. check_exports.py compares its results by ONNX Runtime.
// Next: weights/write_onnx.h.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "models/layer_tensors.h"
#include "models/published_networks.h"
#include "onnx_subset.pb.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"
#include "weights/write_onnx.h"

namespace mcnn {
namespace {

class Onnx : public testing::Test {
 protected:
  static NetworkSpec spec_of(const char* name, double width, double depth) {
    NetworkSpec spec = network_spec(name);
    spec.width = width;
    spec.depth = depth;
    spec.classes = 5;
    return spec;
  }

  onnx::ModelProto exported(const NetworkSpec& spec, const OnnxOptions& options, const Metadata& metadata = {}) {
    parameters = std::make_unique<Parameters>(*ops, false);
    const Network network = build_network(spec);
    add_tensors(network, *parameters);
    initialise(*parameters, 1);
    uint64_t draw = 0;
    for (NamedTensor& t : parameters->tensors()) {  // off batch norm's neutral start
      if (t.kind != WeightKind::vector) continue;
      std::vector<float> values = to_floats(*ops, t.value);
      for (float& v : values) v += 0.1f * static_cast<float>(++draw % 5);
      copy_floats(*ops, values, t.value);
    }
    const std::string path = folder / "network.onnx";
    write_onnx(path, network, *parameters, options, metadata);
    onnx::ModelProto model;
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(model.ParseFromIstream(&file));
    return model;
  }

  std::vector<float> values(const std::string& name) const {
    const NamedTensor* t = parameters->find(name);
    return to_torch(*ops, *t, t->value);
  }

  TemporaryFolder folder;
  std::unique_ptr<Ops> ops = make_ref_ops();
  std::unique_ptr<Parameters> parameters;
};

const onnx::NodeProto& node(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::NodeProto& n : model.graph().node())
    if (n.name() == name) return n;
  throw std::out_of_range(name);
}

std::vector<float> initializer(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::TensorProto& t : model.graph().initializer())
    if (t.name() == name) {
      std::vector<float> out(t.raw_data().size() / sizeof(float));
      std::memcpy(out.data(), t.raw_data().data(), t.raw_data().size());
      return out;
    }
  throw std::out_of_range(name);
}

std::vector<int64_t> ints(const onnx::NodeProto& n, const std::string& name) {
  for (const onnx::AttributeProto& a : n.attribute())
    if (a.name() == name) return {a.ints().begin(), a.ints().end()};
  throw std::out_of_range(name);
}

std::set<std::string> operators(const onnx::ModelProto& model) {
  std::set<std::string> out;
  for (const onnx::NodeProto& n : model.graph().node()) out.insert(n.op_type());
  return out;
}

/// The dimensions of an input or output; 0 for a named one.
std::vector<int64_t> dims(const onnx::ValueInfoProto& value) {
  std::vector<int64_t> out;
  for (const auto& d : value.type().tensor_type().shape().dim()) out.push_back(d.dim_value());
  return out;
}

TEST_F(Onnx, EveryValueIsThereBeforeItIsReadAndNamedOnce) {
  for (const std::string name : {"b0", "lite0", "efficientnetv2_s", "mobilenetv3_large"})
    for (const bool fold : {false, true}) {
      SCOPED_TRACE(name + (fold ? " folded" : ""));
      const onnx::ModelProto model = exported(spec_of(name.c_str(), 0.25, 0.5), {.height = 64, .width = 40, .fold_norm = fold});
      std::set<std::string> there;
      const auto arrives = [&](const std::string& value) { EXPECT_TRUE(there.insert(value).second) << value << " twice"; };
      for (const auto& input : model.graph().input()) arrives(input.name());
      for (const auto& t : model.graph().initializer()) arrives(t.name());
      std::set<std::string> read, nodes;
      for (const onnx::NodeProto& n : model.graph().node()) {
        EXPECT_TRUE(nodes.insert(n.name()).second) << "two nodes named " << n.name();
        for (const std::string& input : n.input()) {
          EXPECT_TRUE(there.contains(input)) << n.name() << " reads " << input;
          read.insert(input);
        }
        for (const std::string& output : n.output()) arrives(output);
      }
      for (const std::string& value : there) EXPECT_TRUE(read.contains(value) || value == "logits") << value << " is never read";
      EXPECT_TRUE(there.contains("logits"));
      const std::set<std::string> kinds = operators(model);
      EXPECT_NE(kinds.contains("BatchNormalization"), fold);
      EXPECT_EQ(kinds.contains("Clip"), name == "lite0");
      EXPECT_EQ(kinds.contains("Sigmoid"), name == "b0" || name == "efficientnetv2_s");
      for (const char* kind : {"Relu", "HardSwish", "HardSigmoid"}) EXPECT_EQ(kinds.contains(kind), name == "mobilenetv3_large") << kind;
    }
}

TEST_F(Onnx, PaddingIsThatOfTheSize) {
  // SAME padding of the stride-2 layers, before and after: the stem, then stages 2, 3, 4 and 6 (1-based).
  const std::vector<std::string> layers = {"conv_stem", "blocks.1.0.conv_dw", "blocks.2.0.conv_dw", "blocks.3.0.conv_dw",
                                           "blocks.5.0.conv_dw"};
  const struct {
    int64_t size;
    const char* padding;
    std::vector<std::pair<int64_t, int64_t>> pads;
  } rows[] = {{380, "same", {{0, 1}, {0, 1}, {2, 2}, {0, 1}, {1, 2}}},
              {224, "same", {{0, 1}, {0, 1}, {1, 2}, {0, 1}, {1, 2}}},
              {224, "same:380x380", {{0, 1}, {0, 1}, {2, 1}, {0, 1}, {1, 2}}}};  // (2,2): the last row of zeros meets no window
  for (const auto& row : rows) {
    NetworkSpec spec = spec_of("b4", 0.1, 0.1);
    spec.padding = Padding::parse(row.padding);
    const onnx::ModelProto model = exported(spec, {.height = row.size, .width = row.size});
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto [before, after] = row.pads[i];
      EXPECT_EQ(ints(node(model, layers[i]), "pads"), (std::vector<int64_t>{before, before, after, after}))
          << layers[i] << " at " << row.size << " " << row.padding;
    }
  }
}

TEST_F(Onnx, FoldedWeightsAndBias) {
  NetworkSpec spec = spec_of("b0", 0.25, 0.5);
  spec.bn_eps = 0.01f;
  const onnx::ModelProto model = exported(spec, {.height = 32, .width = 32, .fold_norm = true});
  const std::vector<float> w = values("blocks.1.0.conv_dw.weight"), gamma = values("blocks.1.0.bn2.weight"),
                           beta = values("blocks.1.0.bn2.bias"), mean = values("blocks.1.0.bn2.running_mean"),
                           var = values("blocks.1.0.bn2.running_var");
  const std::vector<float> folded = initializer(model, "blocks.1.0.conv_dw.weight"), bias = initializer(model, "blocks.1.0.conv_dw.bias");
  ASSERT_EQ(folded.size(), w.size());
  ASSERT_EQ(bias.size(), beta.size());
  for (std::size_t i = 0; i < w.size(); ++i) {
    const std::size_t c = i / 9;
    EXPECT_NEAR(folded[i], w[i] * gamma[c] / std::sqrt(var[c] + 0.01f), 1e-6f) << i;
    EXPECT_NEAR(bias[c], beta[c] - mean[c] * gamma[c] / std::sqrt(var[c] + 0.01f), 1e-6f) << c;
  }
}

TEST_F(Onnx, InputsOutputsAndMetadata) {
  const NetworkSpec spec = spec_of("b0", 0.25, 0.5);
  const onnx::ModelProto outside = exported(spec, {.opset = 19, .height = 64, .width = 40}, {{"classes", "[\"a\"]"}, {"mean", "0,0,0"}});
  EXPECT_EQ(dims(outside.graph().input(0)), (std::vector<int64_t>{0, 3, 64, 40}));
  EXPECT_EQ(outside.graph().input(0).type().tensor_type().elem_type(), onnx::TensorProto::FLOAT);
  EXPECT_EQ(outside.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "N");
  EXPECT_EQ(dims(outside.graph().output(0)), (std::vector<int64_t>{0, 5}));
  EXPECT_EQ(outside.opset_import(0).version(), 19);
  EXPECT_EQ(outside.ir_version(), 9);
  Metadata props;
  for (const auto& p : outside.metadata_props()) props[p.key()] = p.value();
  EXPECT_EQ(props, (Metadata{{"classes", "[\"a\"]"}, {"mean", "0,0,0"}}));

  const onnx::ModelProto inside =
      exported(spec, {.height = 64, .width = 40, .preprocessing = OnnxOptions::Preprocessing{{0.5f, 0.25f, 0.125f}, {1.f, 2.f, 3.f}}});
  EXPECT_EQ(dims(inside.graph().input(0)), (std::vector<int64_t>{0, 64, 40, 3}));
  EXPECT_EQ(inside.graph().input(0).type().tensor_type().elem_type(), onnx::TensorProto::UINT8);
  EXPECT_EQ(initializer(inside, "preprocess.mean"), (std::vector<float>{127.5f, 63.75f, 31.875f}));
  EXPECT_EQ(initializer(inside, "preprocess.std"), (std::vector<float>{255.f, 510.f, 765.f}));
}

TEST_F(Onnx, RefusesWhatItCannotSay) {
  const NetworkSpec spec = spec_of("b0", 0.25, 0.5);
  EXPECT_TRUE(
      says(message_of([&] { exported(spec, {.opset = 16, .height = 32, .width = 32}); }), {"network.onnx", "opset 16", "17 to 23"}));
  EXPECT_TRUE(says(message_of([&] { exported(spec, {.opset = 24, .height = 32, .width = 32}); }), {"opset 24"}));
  EXPECT_FALSE(std::filesystem::exists(folder / "network.onnx"));
}

}  // namespace
}  // namespace mcnn
