// The table against the published networks: a network called b4 that is not b4 fails here.
#include "models/published_networks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "models/layer_table.h"
#include "models/model.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

int64_t parameters_of(const std::string& name, int classes) {
  NetworkSpec spec = network_spec(name);
  spec.classes = classes;
  const auto ops = make_ref_ops();
  Parameters parameters(*ops, false);
  const Model model(spec, parameters);
  return parameters.count();
}

TEST(PublishedNetworks, ParameterCountsAreThePublishedOnes) {
  const std::pair<const char*, int64_t> published[] = {{"b0", 5288548},    {"b1", 7794184},    {"b2", 9109994},    {"b3", 12233232},
                                                       {"b4", 19341616},   {"b5", 30389784},   {"b6", 43040704},   {"b7", 66347960},
                                                       {"lite0", 4652008}, {"lite1", 5416680}, {"lite2", 6092072}, {"lite3", 8197096},
                                                       {"lite4", 13006568}};
  for (const auto& [name, count] : published) EXPECT_EQ(parameters_of(name, 1000), count) << name;
  EXPECT_EQ(parameters_of("b4", 18), 17580890);
  EXPECT_EQ(parameters_of("b0", 18), 4030606);
}

TEST(PublishedNetworks, UnknownNameSuggestsTheNearest) {
  try {
    network_spec("lite9");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean 'lite0'"), std::string::npos) << e.what();
  }
}

TEST(PublishedNetworks, StateDictHasTimmsNumberOfEntries) {
  const auto ops = make_ref_ops();
  Parameters parameters(*ops, false);
  const Model model(network_spec("b4"), parameters);
  // 706 entries: 418 parameters and 288 buffers, of which 96 num_batches_tracked are not kept.
  EXPECT_EQ(parameters.tensors().size(), 706u - 96u);
}

int64_t macs_of(const char* name, int classes, int64_t resolution) {
  NetworkSpec spec = network_spec(name);
  spec.classes = classes;
  int64_t macs = 0;
  for (const LayerRow& row : layer_table(build_network(spec), 1, resolution, resolution)) macs += row.macs;
  return macs;
}

TEST(LayerTable, MultiplyAddsAreThePublishedOnes) {
  EXPECT_EQ(macs_of("b4", 1000, 224), 1503710432);
  EXPECT_EQ(macs_of("b4", 18, 224), 1501950688);
  EXPECT_EQ(macs_of("b4", 1000, 380), 4393771024);
}

TEST(LayerTable, ParametersAddUpToTheNetworks) {
  for (const char* name : {"b0", "b4", "lite0", "lite4"}) {
    int64_t sum = 0;
    for (const LayerRow& row : layer_table(build_network(network_spec(name)), 2, 224, 224)) sum += row.parameters;
    EXPECT_EQ(sum, parameters_of(name, 1000)) << name;
  }
}

TEST(PublishedNetworks, AMultiplierOutOfBoundsIsRefusedBeforeAnythingIsMade) {
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e300, 1e9, 10.1, 1e-9})
    for (const bool is_depth : {false, true}) {
      NetworkSpec spec = network_spec("b0");
      (is_depth ? spec.depth : spec.width) = bad;
      try {
        build_network(spec);
        ADD_FAILURE() << bad;
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(is_depth ? "the depth multiplier is" : "the width multiplier is"), std::string::npos);
      }
    }
}

}  // namespace
}  // namespace mcnn
