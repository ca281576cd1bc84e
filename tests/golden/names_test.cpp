// The reference files' own tensor names, in every public naming and container: all of them hold the same small network.
#include "models/model.h"
#include "tests/golden/golden_folder.h"
#include "weights/load.h"

#include <algorithm>
#include <set>

namespace mcnn {
namespace {

TEST(GoldenNames, EveryFileIsRecognisedAndFitsExactly) {
  for (const auto& folder : small_folders()) {
    const nlohmann::json index = read_json(folder / "index.json");
    for (const auto& [name, golden_case] : index.at("cases").items()) {
      SCOPED_TRACE((folder / name).string());
      const NetworkSpec spec{.name = "small",
                             .family = network_spec(index.value("network", "b0")).family,
                             .width = index.at("width"),
                             .depth = index.at("depth"),
                             .classes = index.at("classes")};
      const auto ops = make_ref_ops();
      Parameters parameters(*ops, false);
      const Model model(spec, parameters);
      const std::vector<std::filesystem::path> files = containers(folder, name);
      const TensorFile first = open_tensor_file(files[0].string());
      for (const auto& path : files) {
        SCOPED_TRACE(path.string());
        const TensorFile file = open_tensor_file(path.string());
        ASSERT_TRUE(detect_naming(file));
        EXPECT_EQ(name_of(*detect_naming(file)), golden_case.at("names").get<std::string>());
        std::set<std::string> expected, found;
        for (const auto& pair : key_map(model.network(), *detect_naming(file))) expected.insert(pair.file);
        for (const StoredTensor& t : file.tensors()) found.insert(t.name);
        EXPECT_EQ(found, expected);
        EXPECT_EQ(found.size(), golden_case.at("entries").get<std::size_t>());
        EXPECT_TRUE(load_weights(file, model.network(), parameters).lines().empty());
        EXPECT_TRUE(file.notes().empty());
        for (const StoredTensor& t : first.tensors()) {
          const StoredTensor* same = file.find(t.name);
          ASSERT_NE(same, nullptr) << t.name;
          EXPECT_EQ(same->dtype, t.dtype) << t.name;
          EXPECT_EQ(same->shape, t.shape) << t.name;
          EXPECT_TRUE(std::ranges::equal(same->bytes, t.bytes)) << t.name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mcnn
