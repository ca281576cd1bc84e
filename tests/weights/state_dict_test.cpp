// A state dict under every naming: what load_weights reads back is what was there, counters included.
#include "weights/state_dict.h"

#include <gtest/gtest.h>

#include "formats/safetensors.h"
#include "models/efficientnet.h"
#include "tests/data/temporary_folder.h"
#include "weights/load.h"

namespace mcnn {
namespace {

struct Network {
  std::unique_ptr<Ops> ops = make_ref_ops();
  Parameters parameters{*ops, false};
  EfficientNet model;
  Network(const char* name, uint64_t seed) : model(small(name), parameters) { initialise(parameters, seed); }
  static EfficientNetSpec small(const char* name) {
    EfficientNetSpec spec = efficientnet_spec(name);
    spec.width = 0.25;
    spec.depth = 0.5;
    spec.classes = 5;
    return spec;
  }
};

TEST(StateDict, EveryNamingIsReadBackToTheBit) {
  const TemporaryFolder folder;
  for (const char* name : {"b0", "lite0"})
    for (const Naming naming : {Naming::timm, Naming::torchvision, Naming::efficientnet_pytorch}) {
      SCOPED_TRACE(std::string(name) + " " + name_of(naming));
      Network from(name, 1), to(name, 2);
      const Architecture& architecture = from.model.architecture();
      const auto batches = [](const std::string& norm) { return static_cast<int64_t>(norm.size()); };
      const TensorFile state = renamed(state_dict(from.parameters, batches), architecture, naming);
      EXPECT_EQ(state.tensors().size(), key_map(architecture, naming).size());
      for (const NamePair& pair : key_map(architecture, naming)) EXPECT_NE(state.find(pair.file), nullptr) << pair.file;

      write_safetensors(folder / "w.safetensors", state.tensors(), {});
      const TensorFile file = open_tensor_file(folder / "w.safetensors");
      const LoadReport report = load_weights(file, architecture, to.parameters);
      EXPECT_EQ(report.naming, naming);
      EXPECT_TRUE(report.lines().empty());
      for (const NamedTensor& t : from.parameters.tensors())
        EXPECT_EQ(to_torch(*from.ops, t, t.value), to_torch(*to.ops, t, to.parameters.find(t.name)->value)) << t.name;
      const BatchesTracked read = batches_tracked_in(file, architecture, naming);
      for (const char* norm : {"bn1", "blocks.0.0.bn2", "blocks.6.0.bn3", "bn2"}) EXPECT_EQ(read(norm), batches(norm)) << norm;
      EXPECT_EQ(read("bn9"), 0) << "a count that is not there";
    }
}

}  // namespace
}  // namespace mcnn
