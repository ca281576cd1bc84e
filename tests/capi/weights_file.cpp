#include "tests/capi/weights_file.h"

#include "inference/description.h"
#include "inference/evaluate.h"
#include "tests/train/small_network.h"
#include "weights/load.h"

namespace mcnn {

const std::vector<std::string>& tiny_classes() {
  static const std::vector<std::string> names = {"wear/male/<30", "a \"quoted\", one", "ünï", "d", "e"};
  return names;
}

std::string write_tiny_weights(const TemporaryFolder& folder, bool broken) {
  ModelOptions model;
  DataOptions data;
  model.name = "b0";
  model.width = 0.25;
  data.crop = 48;
  data.resize = 55;
  const ModelDescription d = describe_run(model, data, {}, tiny_classes());
  const auto ops = make_backend("cpu", 1).ops;
  Engine engine(*ops, d.spec, d.normalisation, false);
  random_start(engine);
  NamedTensor& bias = *engine.parameters().find("classifier.bias");
  copy_floats(*ops, {1.5f, 0.1f, -0.3f, 0.2f, broken ? 3.4e38f : 0.f}, bias.value);
  if (broken) {  // each value is finite, but their product overflows fp32
    NamedTensor& weight = *engine.parameters().find("classifier.weight");
    copy_floats(*ops, std::vector<float>(static_cast<std::size_t>(weight.value.size()), 3e38f), weight.value);
  }
  const std::string path = folder.write("run/best.safetensors", "");
  save_weights(path, engine.parameters(), metadata_of(d));
  return path;
}

std::vector<float> engine_answer(const std::string& weights, const Image& photo) {
  const TensorFile file = open_tensor_file(weights);
  std::vector<std::string> notes;
  const ModelDescription d = describe_file(file, {}, notes);
  const auto ops = make_backend("cpu", 1).ops;
  Engine engine(*ops, d.spec, d.normalisation, false);
  load_weights(file, engine.model().network(), engine.parameters());
  const Image square = preprocess(photo, d.preprocess);
  const std::vector<float> logits = engine.logits({.n = 1, .h = square.height, .w = square.width, .pixels = square.rgb, .flips = {0}});
  const std::vector<double> p = softmax(logits.data(), logits.size());
  return {p.begin(), p.end()};
}

}  // namespace mcnn
