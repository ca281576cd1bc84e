// A state dict in every naming: load_weights reads back the same values, counters included.
#include "weights/state_dict.h"

#include <gtest/gtest.h>

#include "formats/safetensors.h"
#include "models/model.h"
#include "tests/data/temporary_folder.h"
#include "weights/load.h"

namespace mcnn {
namespace {

struct SmallNetwork {
  std::unique_ptr<Ops> ops = make_ref_ops();
  Parameters parameters{*ops, false};
  Model model;
  SmallNetwork(const char* name, uint64_t seed) : model(small(name), parameters) { initialise(parameters, seed); }
  static NetworkSpec small(const char* name) {
    NetworkSpec spec = network_spec(name);
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
      SmallNetwork from(name, 1), to(name, 2);
      const Network& network = from.model.network();
      const auto batches = [](const std::string& norm) { return static_cast<int64_t>(norm.size()); };
      const TensorFile state = renamed(state_dict(from.parameters, batches), network, naming);
      EXPECT_EQ(state.tensors().size(), key_map(network, naming).size());
      for (const NamePair& pair : key_map(network, naming)) EXPECT_NE(state.find(pair.file), nullptr) << pair.file;

      write_safetensors(folder / "w.safetensors", state.tensors(), {});
      const TensorFile file = open_tensor_file(folder / "w.safetensors");
      const LoadReport report = load_weights(file, network, to.parameters);
      EXPECT_EQ(report.naming, naming);
      EXPECT_TRUE(report.lines().empty());
      for (const NamedTensor& t : from.parameters.tensors())
        EXPECT_EQ(to_torch(*from.ops, t, t.value), to_torch(*to.ops, t, to.parameters.find(t.name)->value)) << t.name;
      const BatchesTracked read = batches_tracked_in(file, network, naming);
      for (const char* norm : {"bn1", "blocks.0.0.bn2", "blocks.6.0.bn3", "bn2"}) EXPECT_EQ(read(norm), batches(norm)) << norm;
      EXPECT_EQ(read("bn9"), 0) << "a count that is not there";
    }
}

}  // namespace
}  // namespace mcnn
